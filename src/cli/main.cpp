// SPDX-License-Identifier: MIT
#include "commands.hpp"

int main(int argc, char** argv) { return bluefin::cli::command_main(argc, argv); }
