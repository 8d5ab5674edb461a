// SPDX-License-Identifier: MIT
// bluefin-gpu-probe: the GPUs as the CUDA runtime counts them, a line each. bluefin runs it in a process of its own
// where NVML is missing, and where CUDA's order of different GPUs matters: CUDA's context ends with it, and so does a
// crash. The runtime is linked in, so that the program starts where CUDA is not installed.
//
// First line: "bluefin-gpu-probe 1". Then for each GPU, with tabs in between: UUID, name, bytes of memory, PCI bus.
// Exit code 0, or 1 with the reason on standard error.
#include <cuda_runtime_api.h>

#include <cstdio>
#include <string>

namespace {

int fail(const char* what, cudaError_t error) {
  std::fprintf(stderr, "%s: %s (code %d)\n", what, cudaGetErrorString(error), static_cast<int>(error));
  return 1;
}

std::string uuid_text(const cudaUUID_t& uuid) {
  std::string text = "GPU-";
  for (int i = 0; i < 16; ++i) {
    char hex[4];
    std::snprintf(hex, sizeof hex, "%02x", static_cast<unsigned char>(uuid.bytes[i]));
    text += (i == 4 || i == 6 || i == 8 || i == 10) ? std::string("-") + hex : std::string(hex);
  }
  return text;
}

}  // namespace

int main() {
  int count = 0;
  if (const cudaError_t error = cudaGetDeviceCount(&count); error != cudaSuccess && error != cudaErrorNoDevice) {
    return fail("cudaGetDeviceCount", error);
  }
  std::printf("bluefin-gpu-probe 1\n");
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties{};
    if (const cudaError_t error = cudaGetDeviceProperties(&properties, i); error != cudaSuccess) {
      return fail("cudaGetDeviceProperties", error);
    }
    char bus[32] = {};
    cudaDeviceGetPCIBusId(bus, sizeof bus, i);
    std::printf("%s\t%s\t%zu\t%s\n", uuid_text(properties.uuid).c_str(), properties.name, properties.totalGlobalMem,
                bus);
  }
  return std::fflush(stdout) == 0 ? 0 : 1;
}
