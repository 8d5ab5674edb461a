// SPDX-License-Identifier: MIT
// For objectives that train with LibTorch 1.13 or newer. The only header that includes it, and no other includes this
// one: bluefin itself needs no LibTorch. All of it is here; link bluefin::bluefin and your LibTorch.
//
// Where LibTorch is built for CUDA, compile with -DBLUEFIN_TORCH_CUDA and CUDA's headers in the include path (and link
// c10_cuda, as find_package(Torch) does): limits and figures of a GPU's memory come from its allocator.
#pragma once

#include <fcntl.h>
#include <torch/torch.h>
#include <unistd.h>
#ifdef BLUEFIN_TORCH_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#endif

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "bluefin/devices.hpp"
#include "bluefin/error.hpp"
#include "bluefin/fit_batch.hpp"
#include "bluefin/log.hpp"
#include "bluefin/out_of_memory.hpp"
#include "bluefin/training.hpp"
#include "bluefin/trial.hpp"

namespace bluefin::libtorch {

// --- the device ------------------------------------------------------------------------------------------------------

namespace detail {

inline std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// UUIDs of the GPUs that the trial holds: in its own process they stand in a variable, in a thread on the trial.
inline std::string uuids(const Trial& trial) {
  if (const std::string text = variable("BLUEFIN_DEVICE_UUID"); !text.empty()) return text;
  const FrozenTrial known = trial.frozen();
  const Json* gpu = find_attribute(known.user_attrs, "bluefin:gpu");
  return gpu != nullptr ? gpu->as_string().value_or("") : "";
}

}  // namespace detail

// Where the trial computes: on the GPU of its slot; on the CPU where its slot is one of the CPU (--cpu-slots) or stands
// for a GPU that is not there (--fake-gpus); without slots on the first GPU that LibTorch can use, else on the CPU.
// Throws Error(kUnavailable) when the trial holds a GPU that this LibTorch cannot use: it would compute on the CPU, and
// keep a card from others.
inline at::Device trial_device(const Trial& trial) {
  const auto ordinal = trial.device();
  const bool cuda = torch::cuda::is_available();
  if (!ordinal) {
    return cuda && detail::variable("BLUEFIN_DEVICE") != "cpu" ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
  }
  const std::string uuids = detail::uuids(trial);
  if (uuids.rfind("FAKE-", 0) == 0) return at::kCPU;
  if (!cuda || *ordinal >= static_cast<int>(torch::cuda::device_count())) {
    throw Error(ErrorCode::kUnavailable,
                "trial " + std::to_string(trial.number()) + " holds the GPU " + uuids +
                    ", which this LibTorch cannot use: " +
                    (cuda ? "it sees fewer GPUs" : "it was built without CUDA, or finds no driver for it"));
  }
  return {at::kCUDA, static_cast<c10::DeviceIndex>(*ordinal)};
}

// Waits until the device has done what it was given. Times mean nothing without it.
inline void synchronize(at::Device device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

// --- memory ----------------------------------------------------------------------------------------------------------

// The part of a GPU's memory that belongs to a slot: 1 / `--slots-per-gpu`.
inline double slot_share() {
  const int slots = std::atoi(detail::variable("BLUEFIN_SLOTS_PER_GPU").c_str());
  return slots > 1 ? 1.0 / slots : 1.0;
}

// What a process has on a GPU beside LibTorch's tensors: CUDA's context, kernels, cuBLAS's workspace.
inline constexpr std::uint64_t kContextBytes = std::uint64_t{512} << 20U;

// From here on tensors on `device` take no more than this share of its memory, less what the context needs, so that
// the greedy trial runs out of memory and not its neighbour. A whole GPU and the CPU have no limit.
inline void limit_memory(at::Device device, double share = slot_share(), std::uint64_t context = kContextBytes) {
  if (!device.is_cuda() || share >= 1) return;
  if (!(share > 0)) {
    throw Error(ErrorCode::kInvalidArgument, "limit_memory: share = " + std::to_string(share) + ", must be > 0");
  }
#ifdef BLUEFIN_TORCH_CUDA
  torch::empty({1}, device);  // the allocator has to know the device
  double reserve = 0;
  for (const Device& known : list_devices().devices) {
    if (known.ordinal == static_cast<int>(device.index()) && known.memory_total.value_or(0) > 0) {
      reserve = static_cast<double>(context) / static_cast<double>(*known.memory_total);
    }
  }
  // A GPU so small that nothing would be left: the first tensor then says so.
  c10::cuda::CUDACachingAllocator::setMemoryFraction(std::max(share - reserve, 1e-3), device.index());
#else
  static_cast<void>(context);
  log(LogLevel::kWarning, "limit_memory: compiled without BLUEFIN_TORCH_CUDA, so the memory of trials is not limited");
#endif
}

namespace detail {

// "VmHWM:   123456 kB": the most that this process had in memory since it started or was reset.
inline std::optional<std::uint64_t> peak_of_process() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (std::uint64_t kib = 0; word == "VmHWM:" && status >> kib) return kib << 10U;
  }
  return {};
}

}  // namespace detail

// The most that was taken since the last reset, in bytes: on a GPU by LibTorch's allocator, which leaves the context
// out; on the CPU by the whole process. Empty where that is not known.
inline std::optional<std::uint64_t> peak_memory(at::Device device) {
  if (!device.is_cuda()) return detail::peak_of_process();
#ifdef BLUEFIN_TORCH_CUDA
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
  return static_cast<std::uint64_t>(stats.reserved_bytes[0].peak);  // 0: of all pools
#else
  return {};
#endif
}

inline void reset_peak_memory(at::Device device) {
  if (!device.is_cuda()) {
    std::ofstream("/proc/self/clear_refs") << "5";
    return;
  }
#ifdef BLUEFIN_TORCH_CUDA
  c10::cuda::CUDACachingAllocator::resetPeakStats(device.index());
#endif
}

// Gives memory that LibTorch keeps for later back to the device.
inline void release_cached_memory(at::Device device) {
#ifdef BLUEFIN_TORCH_CUDA
  if (device.is_cuda()) c10::cuda::CUDACachingAllocator::emptyCache();
#else
  static_cast<void>(device);
#endif
}

// By type as well as by text. After any other error of CUDA the process cannot use its GPU any more: let it end.
inline OutOfMemory out_of_memory(const std::exception_ptr& error) {
  if (!error) return OutOfMemory::kNo;
  try {
    std::rethrow_exception(error);
  } catch (const c10::OutOfMemoryError&) {
    return OutOfMemory::kDevice;
  } catch (...) {
    return bluefin::out_of_memory(error);
  }
}

// bluefin::fit_batch() on a device: each step is waited for, and what did not fit is given back.
inline BatchFit fit_batch(at::Device device, const std::function<void(std::int64_t)>& step, std::int64_t start,
                          std::int64_t cap, BatchOptions options = {}) {
  if (!options.is_out_of_memory) {
    options.is_out_of_memory = [](const std::exception_ptr& error) {
      return libtorch::out_of_memory(error) != OutOfMemory::kNo;
    };
  }
  if (!options.release) options.release = [device] { release_cached_memory(device); };
  const auto fit = bluefin::fit_batch(
      [&](std::int64_t batch) {
        step(batch);
        synchronize(device);
      },
      start, cap, options);
  release_cached_memory(device);
  return fit;
}

// --- seeds -----------------------------------------------------------------------------------------------------------

// Seeds all of LibTorch's generators; the usual seed is trial_seed(trial). `deterministic`: the same numbers in every
// run on the same kind of device, at some cost in time, with a warning from LibTorch where an operation cannot.
inline void seed(std::uint64_t value, bool deterministic = false) {
  torch::manual_seed(value);
  if (deterministic) {
    ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
    at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/true);
    at::globalContext().setDeterministicCuDNN(true);
    at::globalContext().setBenchmarkCuDNN(false);
  }
}

// --- checkpoints -----------------------------------------------------------------------------------------------------

// How far a training has come.
struct Progress {
  std::int64_t next_step = 0;                         // the epoch to go on with
  EarlyStopping::State stopping = {};                 // EarlyStopping::state()
  std::map<std::string, double> numbers = {};         // whatever else the loop has to know
  std::map<std::string, torch::Tensor> tensors = {};  // best weights, say
};

// One file with model, optimizer, progress and the state of the generators: a trial whose process was killed and that
// is run again (`--retry`) goes on where it was, and comes to the same weights as if nothing had happened.
//
//   libtorch::Checkpoint checkpoint(trial);
//   auto progress = checkpoint.restore(*network, *optimizer, device).value_or(libtorch::Progress{});
//   for (auto epoch = progress.next_step; epoch < kEpochs; ++epoch) {
//     train_one_epoch();
//     checkpoint.save(*network, *optimizer, {.next_step = epoch + 1});
//     report_or_prune(trial, loss, epoch);
//   }
//   checkpoint.remove();
class Checkpoint {
 public:
  // `folder` as in checkpoint_path().
  explicit Checkpoint(const Trial& trial, const std::filesystem::path& folder = {})
      : path_(checkpoint_path(trial, folder)), is_retry_(first_attempt(trial) != trial.number()) {}

  const std::filesystem::path& path() const { return path_; }

  // Replaces the file at once: a process that is killed here leaves the one before. Throws Error(kUnavailable).
  void save(const torch::nn::Module& module, const torch::optim::Optimizer& optimizer, const Progress& progress) const {
    std::filesystem::path next = path_;
    next += ".tmp";
    try {
      write(module, optimizer, progress).save_to(next.string());
      const int file = ::open(next.c_str(), O_RDWR | O_CLOEXEC);
      const bool on_disk = file >= 0 && ::fsync(file) == 0;
      const std::error_code error(errno, std::generic_category());
      if (file >= 0) ::close(file);
      if (!on_disk) throw std::system_error(error);
      std::filesystem::rename(next, path_);
    } catch (const std::exception& error) {
      std::error_code ignored;
      std::filesystem::remove(next, ignored);
      throw Error(ErrorCode::kUnavailable, path_.string() + ": not written: " + first_line(error.what()));
    }
  }

  // Nothing for a trial that repeats none, and where no checkpoint was made. Throws Error(kCorrupt) for a file that
  // does not fit the model.
  std::optional<Progress> restore(torch::nn::Module& module, torch::optim::Optimizer& optimizer,
                                  at::Device device) const {
    if (!is_retry_ || !std::filesystem::exists(path_)) return {};
    try {
      torch::serialize::InputArchive archive;
      archive.load_from(path_.string(), device);
      return read(archive, module, optimizer, device);
    } catch (const std::exception& error) {
      throw Error(ErrorCode::kCorrupt, path_.string() + " is no checkpoint of this model: " + first_line(error.what()));
    }
  }

  // When it is of no use any more.
  void remove() const {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }

 private:
  static std::string first_line(std::string_view text) { return std::string(text.substr(0, text.find('\n'))); }

  static at::Generator generator(at::Device device) {
    return device.is_cuda() ? at::globalContext().defaultGenerator(device) : at::detail::getDefaultCPUGenerator();
  }

  static torch::serialize::OutputArchive write(const torch::nn::Module& module,
                                               const torch::optim::Optimizer& optimizer, const Progress& progress) {
    torch::serialize::OutputArchive archive;
    torch::serialize::OutputArchive weights;
    module.save(weights);
    archive.write("module", weights);
    torch::serialize::OutputArchive moments;
    optimizer.save(moments);
    archive.write("optimizer", moments);
    archive.write("cpu_generator", generator(at::kCPU).get_state());
    if (const auto parameters = module.parameters(); !parameters.empty() && parameters.front().is_cuda()) {
      archive.write("device_generator", generator(parameters.front().device()).get_state());
    }
    archive.write("next_step", c10::IValue(progress.next_step));
    const auto& stopping = progress.stopping;
    archive.write("stopping",
                  c10::IValue(std::vector<double>{stopping.best ? 1.0 : 0.0, stopping.best.value_or(0.0),
                                                  static_cast<double>(stopping.best_step),
                                                  static_cast<double>(stopping.waited), stopping.broken ? 1.0 : 0.0}));
    c10::Dict<std::string, double> numbers;
    for (const auto& [name, number] : progress.numbers) numbers.insert(name, number);
    archive.write("numbers", c10::IValue(numbers));
    c10::Dict<std::string, at::Tensor> tensors;
    for (const auto& [name, tensor] : progress.tensors) tensors.insert(name, tensor.detach());
    archive.write("tensors", c10::IValue(tensors));
    return archive;
  }

  static c10::IValue value(torch::serialize::InputArchive& archive, const char* key) {
    c10::IValue result;
    archive.read(key, result);
    return result;
  }

  static Progress read(torch::serialize::InputArchive& archive, torch::nn::Module& module,
                       torch::optim::Optimizer& optimizer, at::Device device) {
    torch::serialize::InputArchive weights;
    archive.read("module", weights);
    module.load(weights);
    torch::serialize::InputArchive moments;
    archive.read("optimizer", moments);
    optimizer.load(moments);
    torch::Tensor state;
    archive.read("cpu_generator", state);
    generator(at::kCPU).set_state(state.cpu());
    if (device.is_cuda() && archive.try_read("device_generator", state)) generator(device).set_state(state.cpu());

    Progress progress;
    progress.next_step = value(archive, "next_step").toInt();
    const auto stopping = value(archive, "stopping").toDoubleVector();
    if (stopping.at(0) != 0) progress.stopping.best = stopping.at(1);
    progress.stopping.best_step = static_cast<std::int64_t>(stopping.at(2));
    progress.stopping.waited = static_cast<int>(stopping.at(3));
    progress.stopping.broken = stopping.at(4) != 0;
    for (const auto& entry : value(archive, "numbers").toGenericDict()) {
      progress.numbers[entry.key().toStringRef()] = entry.value().toDouble();
    }
    for (const auto& entry : value(archive, "tensors").toGenericDict()) {
      progress.tensors[entry.key().toStringRef()] = entry.value().toTensor();
    }
    return progress;
  }

  std::filesystem::path path_;
  bool is_retry_;
};

}  // namespace bluefin::libtorch
