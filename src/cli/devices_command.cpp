// SPDX-License-Identifier: MIT
// bluefin devices
#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "bluefin/devices.hpp"
#include "command_line.hpp"
#include "commands.hpp"
#include "report_text.hpp"
#include "text.hpp"

namespace bluefin::cli {
namespace {

constexpr double kGiB = 1 << 30;
constexpr std::size_t kUnlimited = 100'000;

// As wide as the terminal; what goes to a file or a program is not cut.
std::size_t output_width() {
  winsize size{};
  return ::isatty(STDOUT_FILENO) && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0
             ? std::max<std::size_t>(size.ws_col, 40)
             : kUnlimited;
}

std::string memory_text(const Device& device) {
  if (!device.memory_total) {
    return "-";
  }
  const double total = static_cast<double>(*device.memory_total) / kGiB;
  return device.memory_used ? fmt::format("{:.1f} / {:.1f} GiB", static_cast<double>(*device.memory_used) / kGiB, total)
                            : fmt::format("{:.1f} GiB", total);
}

std::string process_text(const DeviceProcess& process) {
  std::string text = fmt::format("pid {}", process.pid);
  text += process.user.empty() ? " that cannot be seen from here" : " of " + process.user;
  if (process.memory) {
    text += fmt::format(", {:.1f} GiB", static_cast<double>(*process.memory) / kGiB);
  }
  if (process.graphics) {
    text += ", draws on a screen";
  }
  return process.command.empty() ? text : text + ": " + printable(process.command);
}

bool computes(const DeviceProcess& process) { return !process.graphics; }

std::string state_text(const Device& device) {
  if (!device.hidden_because.empty()) {
    return "hidden";
  }
  return std::any_of(device.processes.begin(), device.processes.end(), computes) ? "in use" : "free";
}

// One line with the figures, and one for each thing that is to be said. The name takes what is left of the width.
void print_device(const Device& device, std::size_t label_width, std::size_t name_width, std::size_t width) {
  std::cout << fmt::format("{:>{}}  {:<{}}  {:>18}  {:>5}  {:>6}  {}\n", device.label(), label_width,
                           shorten(device.name, name_width), name_width, memory_text(device),
                           device.utilization ? fmt::format("{} %", *device.utilization) : "-",
                           device.power_watts ? fmt::format("{:.0f} W", *device.power_watts) : "-", state_text(device));
  const std::string indent(label_width + 2, ' ');
  const auto line = [&](const std::string& text) {
    std::cout << indent << shorten(text, width - indent.size()) << "\n";
  };
  line(device.uuid);
  if (!device.hidden_because.empty()) {
    line("not used: " + printable(device.hidden_because));
  }
  for (const DeviceProcess& process : device.processes) {
    line(process_text(process));
  }
  for (const std::string& problem : device.problems) {
    line("not known: " + printable(problem));
  }
}

void print_table(const DeviceList& list) {
  const std::size_t width = output_width();
  std::size_t label_width = 1;
  std::size_t name_width = 4;
  for (const Device& device : list.devices) {
    label_width = std::max(label_width, device.label().size());
    name_width = std::max(name_width, device.name.size());
  }
  constexpr std::size_t kOthers = 2 + 2 + 18 + 2 + 5 + 2 + 6 + 2 + 6;  // the columns beside label and name
  if (width < kUnlimited) {
    name_width = std::min(name_width, std::max<std::size_t>(8, width - std::min(width, kOthers + label_width)));
  }
  std::cout << fmt::format("{:>{}}  {:<{}}  {:>18}  {:>5}  {:>6}  {}\n", "#", label_width, "name", name_width, "memory",
                           "util", "power", "state");
  for (const Device& device : list.devices) {
    print_device(device, label_width, name_width, width);
  }
}

void print_text(const DeviceList& list) {
  for (const std::string& warning : list.warnings) {
    if (warning != list.problem) {
      std::cerr << "bluefin: warning: " << printable(warning) << std::endl;
    }
  }
  if (list.devices.empty()) {
    std::cout << "no GPU: " << printable(list.problem) << "\n";
    return;
  }
  print_table(list);
  const auto n_usable = static_cast<std::size_t>(std::count_if(
      list.devices.begin(), list.devices.end(), [](const Device& device) { return device.hidden_because.empty(); }));
  std::cout << fmt::format("{}, {} for trials ({}{})\n", plural(list.devices.size(), "GPU"), n_usable, list.source,
                           list.driver.empty() ? "" : ", driver " + list.driver);
}

Tree tree_of(const Device& device) {
  Tree processes = Tree::array();
  for (const DeviceProcess& process : device.processes) {
    processes.push_back({{"pid", process.pid},
                         {"user", or_null(process.user)},
                         {"command", or_null(process.command)},
                         {"memory", or_null(process.memory)},
                         {"graphics", process.graphics}});
  }
  return {{"index", device.index},
          {"mig", or_null(device.mig)},
          {"label", device.label()},
          {"uuid", device.uuid},
          {"parent", or_null(device.parent)},
          {"name", device.name},
          {"pci_bus_id", or_null(device.pci_bus_id)},
          {"memory_total", or_null(device.memory_total)},
          {"memory_used", or_null(device.memory_used)},
          {"utilization", or_null(device.utilization)},
          {"power_watts", or_null(device.power_watts)},
          {"processes", processes},
          {"not_used_because", or_null(device.hidden_because)},
          {"problems", device.problems}};
}

void print_json(const DeviceList& list) {
  Tree devices = Tree::array();
  for (const Device& device : list.devices) {
    devices.push_back(tree_of(device));
  }
  std::cout << json_text({{"devices", devices},
                          {"source", or_null(list.source)},
                          {"driver", or_null(list.driver)},
                          {"problem", or_null(list.problem)},
                          {"warnings", list.warnings}})
            << "\n";
}

}  // namespace

int run_devices(const Arguments& arguments) {
  CommandLine line("devices", "bluefin devices");
  line.note(
      "In the order in which nvidia-smi counts. MIG devices are labelled GPU:NUMBER.\n"
      "--gpus of 'bluefin run' takes labels and UUIDs. Exit code 0, also without a GPU.");
  line.flag("json", "one JSON object; memory in bytes, power in watts");
  if (!line.parse(arguments)) {
    return 0;
  }
  const DeviceList list = list_devices();
  line.is_set("json") ? print_json(list) : print_text(list);
  return 0;
}

}  // namespace bluefin::cli
