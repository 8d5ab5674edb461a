// SPDX-License-Identifier: MIT
// cuda_tool.cu is compiled by nvcc, and linked as every other program.
int cuda_tool(int argc, char** argv);
int main(int argc, char** argv) { return cuda_tool(argc, argv); }
