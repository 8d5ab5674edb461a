// SPDX-License-Identifier: MIT
#include "exec/program_file.hpp"

#include <elf.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>

#include "bluefin/error.hpp"
#include "core/unique_fd.hpp"

namespace bluefin {
namespace {

constexpr std::size_t kHead = 256;    // of a script that the kernel looks at; source: Linux, BINPRM_BUF_SIZE
constexpr int kMostInterpreters = 5;  // that stand behind each other; source: Linux, exec_binprm()
constexpr std::string_view kScriptBlanks = " \t";

#if __SIZEOF_POINTER__ == 8
using Header = Elf64_Ehdr;
using Segment = Elf64_Phdr;
constexpr unsigned char kClass = ELFCLASS64;
#else
using Header = Elf32_Ehdr;
using Segment = Elf32_Phdr;
constexpr unsigned char kClass = ELFCLASS32;
#endif

bool is_executable_file(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

std::string search_path() {
  const char* variable = std::getenv("PATH");
  return variable != nullptr ? variable : "/usr/local/bin:/usr/bin:/bin";
}

// Empty: it is in none of the folders.
std::string find_in(std::string_view path, const std::string& program) {
  for (std::size_t begin = 0; begin <= path.size() && !program.empty();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string folder = end > begin ? std::string(path.substr(begin, end - begin)) : ".";
    if (std::string candidate = folder + "/" + program; is_executable_file(candidate)) {
      return candidate;
    }
    begin = end + 1;
  }
  return "";
}

// What is there of `size` bytes from `offset` on.
std::string read_at(const UniqueFd& file, std::size_t size, std::uint64_t offset) {
  std::string bytes(size, '\0');
  const ssize_t n = ::pread(file.get(), bytes.data(), size, static_cast<off_t>(offset));
  bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return bytes;
}

// Whether the kernel starts formats of others too, by handlers that somebody has registered. Unset: not to be known, as
// in a container, where the folder is not mounted and the machine's handlers serve all the same.
std::optional<bool> has_handlers() {
  std::error_code ignored;
  bool mounted = false;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/sys/fs/binfmt_misc", ignored)) {
    mounted = true;
    std::string first;
    const std::string name = entry.path().filename();
    if (name != "register" && name != "status" && std::getline(std::ifstream(entry.path()), first) &&
        first == "enabled") {
      return true;
    }
  }
  return mounted ? std::optional(false) : std::nullopt;
}

bool is_text(std::string_view head) {
  return std::all_of(head.begin(), head.end(), [](unsigned char c) { return c >= ' ' || (c >= '\t' && c <= '\r'); });
}

std::string machine_name(unsigned machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_386:
      return "i386";
    case EM_AARCH64:
      return "AArch64";
    case EM_ARM:
      return "ARM";
    case EM_RISCV:
      return "RISC-V";
    case EM_PPC64:
      return "PowerPC";
    case EM_S390:
      return "s390";
    default:
      return fmt::format("ELF machine {}", machine);
  }
}

unsigned machine_of(std::string_view head) {
  Header header{};
  std::memcpy(&header, head.data(), std::min(head.size(), sizeof header));
  return header.e_machine;  // at the same place in both classes
}

// Kernels of 64 bits mostly start programs of their 32-bit forerunner too.
bool may_run_here(unsigned machine, unsigned here) {
  return machine == here || (here == EM_X86_64 && machine == EM_386) || (here == EM_AARCH64 && machine == EM_ARM);
}

// The rest of a sentence that begins with the program. Empty: nothing is known against it.
std::string problem_of(const std::string& path, std::string_view path_variable, int depth);

std::string elf_problem(const UniqueFd& file, std::string_view head, std::uint64_t size) {
  const std::string truncated = fmt::format("is an ELF file that is cut off after {} bytes", size);
  if (head.size() < EI_NIDENT + 4) {
    return truncated;
  }
  const UniqueFd own(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const std::string own_head = own ? read_at(own, sizeof(Header), 0) : "";
  if (own_head.size() == sizeof(Header)) {
    const unsigned here = machine_of(own_head);
    const unsigned machine = machine_of(head);
    if (head[EI_DATA] != own_head[EI_DATA] || !may_run_here(machine, here)) {
      const std::string made_for = head[EI_DATA] != own_head[EI_DATA] ? "another byte order" : machine_name(machine);
      return has_handlers().value_or(true)
                 ? ""
                 : fmt::format("is made for {}, but this machine is {} (start an emulator with it as argument)",
                               made_for, machine_name(here));
    }
  }
  if (static_cast<unsigned char>(head[EI_CLASS]) != kClass) {
    return "";
  }
  if (head.size() < sizeof(Header)) {
    return truncated;
  }
  Header header{};
  std::memcpy(&header, head.data(), sizeof header);
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
    return "is an ELF file, but no program";
  }
  if (header.e_phentsize != sizeof(Segment) || header.e_phnum == 0) {
    return "is an ELF file, but no program";
  }
  const std::string table = read_at(file, header.e_phnum * sizeof(Segment), header.e_phoff);
  if (table.size() < header.e_phnum * sizeof(Segment)) {
    return truncated;
  }
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Segment segment{};
    std::memcpy(&segment, table.data() + i * sizeof segment, sizeof segment);
    const bool needed = segment.p_type == PT_LOAD || segment.p_type == PT_INTERP;
    if (needed && segment.p_filesz > size - std::min<std::uint64_t>(size, segment.p_offset)) {
      return truncated;
    }
    constexpr std::uint64_t kLongestPath = 4096;
    if (segment.p_type == PT_INTERP && segment.p_filesz <= kLongestPath) {
      const std::string loader = read_at(file, segment.p_filesz, segment.p_offset).c_str();  // up to its zero
      if (!is_executable_file(loader)) {
        return fmt::format("needs the loader {}, which is not there", loader);
      }
    }
  }
  return "";
}

// `head` begins with #!.
std::string script_problem(std::string_view head, std::string_view path_variable, int depth) {
  const std::size_t end = std::min(head.find('\n'), head.size());
  std::string_view line = head.substr(2, end - 2);
  line.remove_prefix(std::min(line.find_first_not_of(kScriptBlanks), line.size()));
  line = line.substr(0, line.find_last_not_of(kScriptBlanks) + 1);
  const std::size_t word = std::min(line.find_first_of(kScriptBlanks), line.size());
  if (word == line.size() && end == kHead) {
    return "";  // the name is longer than what was read
  }
  const std::string interpreter(line.substr(0, word));
  if (interpreter.empty()) {
    return "has a first line of #! without an interpreter";
  }
  if (!is_executable_file(interpreter)) {
    const bool windows = interpreter.back() == '\r';
    return fmt::format("needs the interpreter {} of its first line, which {}{}",
                       windows ? interpreter.substr(0, interpreter.size() - 1) : interpreter,
                       ::access(interpreter.c_str(), F_OK) == 0 ? "is not an executable file" : "does not exist",
                       windows ? " with the carriage return behind it (\\r\\n as on Windows)" : "");
  }
  if (std::string problem = problem_of(interpreter, path_variable, depth + 1); !problem.empty()) {
    return fmt::format("needs the interpreter {} of its first line, which {}", interpreter, problem);
  }
  // Of env everything behind it is one argument.
  std::string_view name = line.substr(word);
  name.remove_prefix(std::min(name.find_first_not_of(kScriptBlanks), name.size()));
  const bool is_env = interpreter == "/usr/bin/env" || interpreter == "/bin/env";
  const bool plain = !name.empty() && end < kHead && name.front() != '-' && name.find_first_of("=/") == name.npos;
  if (is_env && plain && find_in(path_variable, std::string(name)).empty()) {
    return fmt::format("needs the interpreter {} of its first line, which is not in $PATH", name);
  }
  return "";
}

std::string problem_of(const std::string& path, std::string_view path_variable, int depth) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (depth > kMostInterpreters || !file || ::fstat(file.get(), &status) != 0) {
    return "";
  }
  const std::string head = read_at(file, kHead, 0);
  if (head.starts_with("#!")) {
    return script_problem(head, path_variable, depth);
  }
  if (head.starts_with(ELFMAG)) {
    return elf_problem(file, head, static_cast<std::uint64_t>(status.st_size));
  }
  if (head.empty()) {
    return "is empty";
  }
  // Handlers of text, by its name, are rare, and scripts without #! are not.
  return has_handlers().value_or(!is_text(head)) ? ""
                                                 : "is no program, and no script: those need #! and their interpreter "
                                                   "on the first line";
}

}  // namespace

std::string find_program(const std::string& program) {
  if (program.find('/') != std::string::npos) {
    if (::access(program.c_str(), F_OK) != 0) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("program {}: {}", program, std::strerror(errno)));
    }
    if (!is_executable_file(program)) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("program {} is not an executable file (chmod +x {})", program, program));
    }
    return program;
  }
  if (std::string found = find_in(search_path(), program); !found.empty()) {
    return found;
  }
  const bool here = !program.empty() && ::access(program.c_str(), F_OK) == 0;
  throw Error(ErrorCode::kInvalidArgument, fmt::format("program {} is not in $PATH{}", program.empty() ? "''" : program,
                                                       here ? fmt::format(" (did you mean ./{}?)", program) : ""));
}

void check_startable(const std::string& path, const std::string& program,
                     const std::vector<std::pair<std::string, std::string>>& environment) {
  std::string path_variable = search_path();
  for (const auto& [name, value] : environment) {
    if (name == "PATH") path_variable = value;
  }
  if (const std::string problem = problem_of(path, path_variable, 0); !problem.empty()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("program {} {}", program, problem));
  }
}

}  // namespace bluefin
