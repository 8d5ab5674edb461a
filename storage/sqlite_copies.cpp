// SPDX-License-Identifier: MIT
#include "storage/sqlite_copies.hpp"

#include <link.h>
#include <sqlite3.h>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace bluefin {
namespace {

using namespace std::string_view_literals;

// Part of each copy's code for files, also where its functions are hidden: the name of one of its ways to lock.
constexpr std::string_view kMark = "unix-dotfile\0"sv;
// That code calls these, and hardly any library calls both: so hardly any has to be searched for the mark.
constexpr std::string_view kCalls[] = {"fchown\0"sv, "rmdir\0"sv};

bool contains(std::string_view bytes, std::string_view what) {
  return memmem(bytes.data(), bytes.size(), what.data(), what.size()) != nullptr;
}

// A loaded program or library.
class Object {
 public:
  explicit Object(const dl_phdr_info& info) : info_(info) {}

  bool has_address(const void* address) const {
    const auto offset = reinterpret_cast<std::uintptr_t>(address) - info_.dlpi_addr;
    for (int i = 0; i < info_.dlpi_phnum; ++i) {
      const auto& part = info_.dlpi_phdr[i];
      if (part.p_type == PT_LOAD && offset >= part.p_vaddr && offset - part.p_vaddr < part.p_memsz) return true;
    }
    return false;
  }

  bool has_sqlite() const {
    const std::string_view names = symbol_names();
    for (const auto call : kCalls) {
      if (!contains(names, call)) return false;
    }
    for (int i = 0; i < info_.dlpi_phnum; ++i) {
      const auto& part = info_.dlpi_phdr[i];
      const bool constant = (part.p_flags & PF_R) != 0 && (part.p_flags & PF_W) == 0;
      if (part.p_type == PT_LOAD && constant && contains(memory(part.p_vaddr, part.p_filesz), kMark)) return true;
    }
    return false;
  }

 private:
  std::string_view memory(std::uintptr_t address, std::size_t size) const {
    return {reinterpret_cast<const char*>(info_.dlpi_addr + address), size};
  }

  // The names of what it offers and calls, as they lie in memory.
  std::string_view symbol_names() const {
    for (int i = 0; i < info_.dlpi_phnum; ++i) {
      if (info_.dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
      std::uintptr_t names = 0;
      std::size_t size = 0;
      const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(info_.dlpi_addr + info_.dlpi_phdr[i].p_vaddr);
      for (; entry->d_tag != DT_NULL; ++entry) {
        if (entry->d_tag == DT_STRTAB) names = entry->d_un.d_ptr;
        if (entry->d_tag == DT_STRSZ) size = entry->d_un.d_val;
      }
      if (names == 0) return {};
      // glibc has made an address of it, musl has not.
      return memory(names >= info_.dlpi_addr ? names - info_.dlpi_addr : names, size);
    }
    return {};
  }

  const dl_phdr_info& info_;
};

int look_at_library(dl_phdr_info* info, std::size_t, void* found) {
  static const char here = 0;  // this code knows the mark, too
  const Object object(*info);
  if (object.has_address(sqlite3_sourceid()) || object.has_address(&here) || !object.has_sqlite()) return 0;
  const bool is_program = info->dlpi_name == nullptr || *info->dlpi_name == '\0';
  *static_cast<std::string*>(found) = is_program ? "the program itself" : info->dlpi_name;
  return 1;
}

}  // namespace

std::string other_sqlite_copy() {
  std::string found;
  dl_iterate_phdr(look_at_library, &found);
  return found;
}

}  // namespace bluefin
