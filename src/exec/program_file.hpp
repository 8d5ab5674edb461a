// SPDX-License-Identifier: MIT
// Programs as files: where they are, and what keeps the kernel from starting them.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace bluefin {

// `program` itself when it contains a slash, else where $PATH has it. Throws Error(kInvalidArgument) when there is no
// such file or it is not executable.
std::string find_program(const std::string& program);

// Throws Error(kInvalidArgument) when the kernel could not start the file at `path`, which is called `program` in the
// message: a script without #!, one whose interpreter is not there (also where env has to find it: in $PATH, or in the
// PATH of `environment`, which is set on top of this process's), an ELF file that is cut off, no program, for another
// machine, or whose loader is not there. What it does not know it lets pass: a file that cannot be read, and other
// formats where the kernel has handlers for them (binfmt_misc). Reads a kilobyte or two.
void check_startable(const std::string& path, const std::string& program,
                     const std::vector<std::pair<std::string, std::string>>& environment = {});

}  // namespace bluefin
