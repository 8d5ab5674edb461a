// SPDX-License-Identifier: MIT
#include "exec/descriptor_passing.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstring>

namespace bluefin {
namespace {

constexpr std::size_t kMost = 64 + 3;  // as many as a trial may hold slots, and its socket and outputs

struct Message {
  explicit Message(iovec* bytes) {
    header.msg_iov = bytes;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
  }
  alignas(cmsghdr) char control[CMSG_SPACE(kMost * sizeof(int))] = {};
  msghdr header{};
};

}  // namespace

ssize_t send_with_descriptors(int socket, std::string_view bytes, const std::vector<int>& descriptors) {
  if (descriptors.empty()) {
    return ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  iovec data{const_cast<char*>(bytes.data()), bytes.size()};  // sendmsg's signature; nothing is written
  Message message(&data);
  const std::size_t size = descriptors.size() * sizeof(int);
  message.header.msg_controllen = CMSG_SPACE(size);
  cmsghdr* const first = CMSG_FIRSTHDR(&message.header);
  first->cmsg_level = SOL_SOCKET;
  first->cmsg_type = SCM_RIGHTS;
  first->cmsg_len = CMSG_LEN(size);
  std::memcpy(CMSG_DATA(first), descriptors.data(), size);
  return ::sendmsg(socket, &message.header, MSG_NOSIGNAL);
}

ssize_t receive_and_keep_descriptors(int socket, char* bytes, std::size_t size) {
  std::vector<int> ignored;
  return receive_with_descriptors(socket, bytes, size, ignored);
}

ssize_t receive_with_descriptors(int socket, char* bytes, std::size_t size, std::vector<int>& descriptors) {
  iovec data{bytes, size};
  Message message(&data);
  const ssize_t received = ::recvmsg(socket, &message.header, 0);
  if (received < 0) {
    return received;
  }
  for (cmsghdr* one = CMSG_FIRSTHDR(&message.header); one != nullptr; one = CMSG_NXTHDR(&message.header, one)) {
    if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const std::size_t count = (one->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    const std::size_t before = descriptors.size();
    descriptors.resize(before + count);
    std::memcpy(descriptors.data() + before, CMSG_DATA(one), count * sizeof(int));
  }
  return received;
}

}  // namespace bluefin
