// SPDX-License-Identifier: MIT
// The child's end of docs/protocol.md.
#include "bluefin/attached.hpp"

#include <cxxabi.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <random>
#include <utility>

#include "bluefin/version.hpp"
#include "core/choice_json.hpp"
#include "core/trial_backend.hpp"
#include "core/unique_fd.hpp"
#include "exec/attached_descriptor.hpp"
#include "exec/descriptor_passing.hpp"
#include "exec/protocol.hpp"
#include "exec/shared_trial.hpp"
#include "exec/zygote_child.hpp"

namespace bluefin {
namespace {

constexpr const char* kPrestartedVariable = "BLUEFIN_PRESTARTED";

// Thrown when nobody reads the trial any more: the run is over, and so should this process be.
class SupervisorGone : public Error {
 public:
  SupervisorGone() : Error(ErrorCode::kUnavailable, "the supervisor of this trial is gone") {}
};

// Requests and their replies, in turn, over the socket.
class Connection {
 public:
  // shared: other processes of the trial use the socket before and after this one. It is locked until this process ends
  // (by fcntl(), whose locks belong to processes), and replies that one of them has left unread are told by their ids.
  Connection(int fd, bool shared) : fd_(fd), shared_(shared) {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    while (shared && ::fcntl(fd, F_SETLKW, &lock) != 0) {
      if (errno != EINTR) {
        throw Error(ErrorCode::kUnavailable, fmt::format("cannot lock the trial's socket: {}", std::strerror(errno)));
      }
    }
  }

  // The reply to a request. Throws the Error that the supervisor answered with, or SupervisorGone.
  JsonTree call(JsonTree request) {
    const JsonTree id = shared_ ? JsonTree(fmt::format("{:x}-{}", nonce_, ++calls_)) : JsonTree();
    if (shared_) {
      request["id"] = id;
    }
    send((shared_ && calls_ == 1 ? "\n" : "") + dump_json(request) + "\n");
    const JsonTree reply = reply_to(id);
    if (reply.value("ok", false)) {
      return reply;
    }
    const JsonTree& error = protocol::member(reply, "error");
    throw Error(protocol::parse_code(protocol::string_member(error, "code")),
                protocol::string_member(error, "message"));
  }

 private:
  JsonTree reply_to(const JsonTree& id) {
    while (true) {
      const std::string line = receive();
      if (!shared_) {
        return parse_json(line);
      }
      try {
        const JsonTree reply = parse_json(line);
        // What ends the trial, such as a line that is no message, is answered without an id.
        const bool ends_the_trial = !reply.contains("id") && !reply.value("ok", true);
        if (ends_the_trial || protocol::id_member(reply) == id) {
          return reply;
        }
      } catch (const Error&) {
        // The end of a line of which another process has read the beginning.
      }
    }
  }

  void send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) {
        continue;
      }
      if (sent <= 0) {
        throw SupervisorGone();
      }
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  std::string receive() {
    char bytes[4096];
    while (true) {
      if (auto line = lines_.next()) {
        return std::move(*line);
      }
      // The locks of the slot of a process that was started ahead come with the reply to hello: they are held for as
      // long as it lives.
      const ssize_t received = receive_and_keep_descriptors(fd_.get(), bytes, sizeof bytes);
      if (received < 0 && errno == EINTR) {
        continue;
      }
      if (received <= 0) {
        throw SupervisorGone();
      }
      lines_.append({bytes, static_cast<std::size_t>(received)});
    }
  }

  UniqueFd fd_;
  bool shared_;
  std::uint64_t nonce_ = shared_ ? (std::uint64_t{std::random_device()()} << 32) | std::random_device()() : 0;
  int calls_ = 0;
  protocol::LineReader lines_{static_cast<std::size_t>(-1)};  // the supervisor's replies may be of any length
};

// A trial at the other end of the socket. Values once given are kept here, so asking again costs nothing.
class AttachedBackend : public TrialBackend {
 public:
  AttachedBackend(int fd, bool shared) : connection_(fd, shared) {
    JsonTree request = {
        {"op", "hello"}, {"version", protocol::kVersion}, {"client", fmt::format("bluefin-c++ {}", version())}};
    if (!shared) {
      request["prestart"] = true;
    }
    const JsonTree hello = connection_.call(request);
    if (protocol::integer_member(hello, "version") != protocol::kVersion) {
      throw Error(ErrorCode::kUnavailable, "the supervisor speaks another version of the protocol");
    }
    if (const auto environment = hello.find("environment"); environment != hello.end()) {
      ::unsetenv(kPrestartedVariable);
      for (const auto& member : environment->items()) {
        const std::string& name = member.key();
        ::setenv(name.c_str(), protocol::string_member(*environment, name.c_str()).c_str(), 1);
      }
    }
    trial_.number = static_cast<int>(protocol::integer_member(hello, "number"));
    trial_.datetime_start = now();
    const char* uuids = std::getenv("BLUEFIN_DEVICE_UUID");
    const std::string_view text = uuids != nullptr ? uuids : "";
    const auto count = text.empty() ? 0 : 1 + std::count(text.begin(), text.end(), ',');
    devices_.resize(static_cast<std::size_t>(count));
    std::iota(devices_.begin(), devices_.end(), 0);
    const JsonTree& params = protocol::member(hello, "params");
    for (const auto& [name, distribution] : protocol::member(hello, "distributions").items()) {
      const Distribution known = distribution_from_json(dump_json(distribution));
      add_param(name, known, to_canonical(known, choice_from_tree(protocol::member(params, name.c_str()))));
    }
  }

  double suggest(std::string_view name, const Distribution& distribution, std::optional<double> chosen) override {
    if (chosen) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("parameter '{}': its value is chosen by the supervisor", name));
    }
    const TrialParam* known = trial_.find_param(name);
    if (known != nullptr && known->spec->distribution == distribution) {
      return known->value;
    }
    const JsonTree reply = connection_.call(
        {{"op", "suggest"}, {"name", std::string(name)}, {"distribution", parse_python_json(to_json(distribution))}});
    const double value = std::holds_alternative<CategoricalDistribution>(distribution)
                             ? static_cast<double>(protocol::integer_member(reply, "index"))
                             : protocol::number_member(reply, "value");
    if (known == nullptr) {
      add_param(name, distribution, value);
    }
    return value;
  }

  void report(double value, std::int64_t step) override {
    const JsonTree reply = connection_.call({{"op", "report"}, {"step", step}, {"value", value}});
    prune_ = reply.value("prune", false);
    for (const Report& report : trial_.reports) {
      if (report.step == step) {
        return;
      }
    }
    auto place = trial_.reports.end();
    while (place != trial_.reports.begin() && (place - 1)->step > step) {
      --place;
    }
    trial_.reports.insert(place, {step, value});
  }

  bool should_prune() override {
    if (prune_) {
      return *prune_;  // answered with the last report
    }
    return connection_.call({{"op", "should_prune"}}).value("prune", false);
  }

  void set_user_attr(std::string_view key, Json value) override {
    set_attr("set_user_attr", key, value);
    set_attribute(trial_.user_attrs, key, std::move(value));
  }
  void set_system_attr(std::string_view key, Json value) override {
    set_attr("set_system_attr", key, value);
    set_attribute(trial_.system_attrs, key, std::move(value));
  }

  void set_resource_hint(std::string_view name, const std::vector<std::string>& params) override {
    connection_.call({{"op", "set_resource_hint"}, {"name", std::string(name)}, {"params", params}});
  }

  // The process sees its own devices only, and CUDA counts these from 0.
  std::vector<int> devices() const override { return devices_; }
  int number() const override { return trial_.number; }
  FrozenTrial frozen() const override { return trial_; }

  void tell(const Outcome& outcome, std::string_view fail_class) {
    JsonTree request = {{"op", "tell"}};
    if (const auto* values = std::get_if<std::vector<double>>(&outcome.result())) {
      request["values"] = *values;
    } else if (const auto* failed = std::get_if<Failed>(&outcome.result())) {
      request["state"] = "fail";
      request["reason"] = failed->reason;
      if (!fail_class.empty()) {
        request["class"] = std::string(fail_class);
      }
    } else {
      request["state"] = "pruned";
    }
    connection_.call(request);
  }

 private:
  void add_param(std::string_view name, const Distribution& distribution, double value) {
    trial_.params.push_back({std::make_shared<ParamSpec>(ParamSpec{std::string(name), distribution}), value});
  }
  void set_attr(const char* op, std::string_view key, const Json& value) {
    connection_.call({{"op", op}, {"key", std::string(key)}, {"value", parse_json(value.text())}});
  }

  Connection connection_;
  FrozenTrial trial_;
  std::vector<int> devices_;
  std::optional<bool> prune_;
};

AttachedBackend& attached_backend(Trial& trial) {
  auto* backend = dynamic_cast<AttachedBackend*>(&trial.backend());
  if (backend == nullptr) {
    throw Error(ErrorCode::kInvalidArgument, "the trial was not made by attached_trial()");
  }
  return *backend;
}

// The name of the type of the exception that is being handled; empty if that is not known.
std::string current_exception_type() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  if (type == nullptr) {
    return "";
  }
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(type->name(), nullptr, nullptr, &status),
                                                         &std::free);
  return name ? name.get() : type->name();
}

struct Ending {
  Outcome outcome;
  std::string_view fail_class = {};  // of docs/protocol.md; empty: whatever the supervisor reads from the reason
};

Ending ending_of(const Objective& objective, Trial& trial) {
  try {
    return {objective(trial)};
  } catch (const TrialPruned&) {
    return {Pruned{}};
  } catch (const SupervisorGone&) {
    throw;
  } catch (const std::bad_alloc& error) {
    return {Failed{error.what()}, "oom-host"};
  } catch (const std::exception& error) {
    // c10::OutOfMemoryError of LibTorch, which is not known here.
    const bool of_device = current_exception_type().find("OutOfMemoryError") != std::string::npos;
    return {Failed{error.what()}, of_device ? "oom-device" : ""};
  } catch (...) {
    const std::string type = current_exception_type();
    return {Failed{type.empty() ? "an exception of unknown type" : "an exception of type " + type}};
  }
}

}  // namespace

bool is_attached() {
  const char* text = std::getenv(kAttachedVariable);
  return (text != nullptr && *text != '\0') || is_zygote();
}

namespace {

Trial trial_at_descriptor(bool shared) {
  return Trial(std::make_unique<AttachedBackend>(take_descriptor(kAttachedVariable), shared));
}

}  // namespace

Trial attached_trial() { return trial_at_descriptor(false); }
Trial shared_attached_trial() { return trial_at_descriptor(true); }

void tell_attached(Trial& trial, const Outcome& outcome, std::string_view fail_class) {
  attached_backend(trial).tell(outcome, fail_class);
}

int run_attached(const Objective& objective) {
  if (is_zygote()) {
    become_forked_trial();
  }
  try {
    Trial trial = attached_trial();
    const Ending ending = ending_of(objective, trial);
    try {
      tell_attached(trial, ending.outcome, ending.fail_class);
    } catch (const SupervisorGone&) {
      throw;
    } catch (const Error& error) {
      // A wrong number of values, say. The trial fails with the supervisor's explanation.
      tell_attached(trial, Failed{error.what()});
    }
    return 0;
  } catch (const SupervisorGone&) {
    return 1;
  }
}

}  // namespace bluefin
