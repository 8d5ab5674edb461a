// SPDX-License-Identifier: MIT
#include "objective_kinds.hpp"

#include <fmt/core.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "bluefin/error.hpp"
#include "exec/check_program.hpp"
#include "exec/program_file.hpp"
#include "plugin_child.hpp"
#include "python_client.hpp"

namespace bluefin::cli {
namespace {

// A package above the objective's module may import much, and a library's constructors may do anything.
constexpr std::chrono::seconds kPatience{60};

// Makes the client a module, so that what it defines can be pickled, and keeps it out of what `ps` shows. Its text
// travels in the environment, which programs that the objective starts do not get. What the client imports must not be
// a json.py of the current folder.
constexpr const char* kPythonStart =
    "import sys\n"
    "if sys.path[:1]==['']:del sys.path[0]\n"
    "import os,types\n"
    "m=types.ModuleType('bluefin_client')\n"
    "sys.modules['bluefin_client']=m\n"
    "exec(compile(os.environ.pop('BLUEFIN_PYTHON_CLIENT'),'bluefin_client.py','exec'),m.__dict__)\n"
    "sys.exit(m.main())";

// Of the user, of the active virtual environment, of $PATH.
std::string python_program(const po::variables_map& values) {
  if (values.count("python-program")) return values["python-program"].as<std::string>();
  if (const std::string chosen = environment_variable("BLUEFIN_PYTHON"); !chosen.empty()) return chosen;
  const std::string active = environment_variable("VIRTUAL_ENV") + "/bin/python3";
  std::error_code ignored;
  if (active[0] == '/' && active != "/bin/python3" && std::filesystem::exists(active, ignored)) return active;
  return "python3";
}

std::string find(const std::string& program, std::string_view whose) {
  try {
    std::string found = find_program(program);
    check_startable(found, program);
    return found;
  } catch (const Error& error) {
    throw UsageError(fmt::format("{}: {}", whose, error.what()));
  }
}

// As an argument beside placeholders: its braces are its own.
std::string literal(const std::string& text, bool has_space) {
  std::string result;
  for (const char c : text) {
    result += has_space && (c == '{' || c == '}') ? std::string(2, c) : std::string(1, c);
  }
  return result;
}

std::vector<std::string> plugin_command(const std::string& library) { return {"bluefin", kPluginChild, library}; }

}  // namespace

void choose_objective(const po::variables_map& values, const Arguments& words, RunOptions& options) {
  SupervisorOptions& supervisor = options.supervisor;
  const bool python = values.count("python") > 0;
  const bool plugin = values.count("plugin") > 0;
  if (python && plugin) throw UsageError("--python and --plugin cannot be given together");
  if (!python && values.count("python-program")) throw UsageError("--python-program needs --python");
  // Whoever is attached asks for its parameters by name.
  supervisor.space_in_environment = python || plugin || values["space-in-env"].as<bool>();
  if (python) {
    supervisor.executable = find(python_program(values), "Python");
    supervisor.command = {supervisor.executable, "-c", kPythonStart,
                          literal(values["python"].as<std::string>(), values.count("space"))};
    supervisor.command.insert(supervisor.command.end(), words.begin(), words.end());
    supervisor.environment.emplace_back("BLUEFIN_PYTHON_CLIENT", kPythonClient);
  } else if (plugin) {
    if (!words.empty()) {
      throw UsageError(fmt::format("--plugin takes no program and no arguments, but '{}' stands after --", words[0]));
    }
    const std::string library = values["plugin"].as<std::string>();
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(library, ignored)) {
      throw UsageError(fmt::format("--plugin {}: there is no such file", library));
    }
    supervisor.executable = "/proc/self/exe";
    // A path, or dlopen() would look in its folders.
    supervisor.command = plugin_command(literal(std::filesystem::absolute(library), values.count("space")));
  } else if (words.empty()) {
    throw UsageError("no program was given: write it at the end, after --");
  } else {
    supervisor.command = words;
  }
}

void check_objective(const po::variables_map& values, const RunOptions& options) {
  const SupervisorOptions& supervisor = options.supervisor;
  std::vector<std::string> command;
  std::string what;
  if (values.count("python")) {
    what = "--python " + values["python"].as<std::string>();
    command = {supervisor.command[0], "-c", kPythonStart, "--check", values["python"].as<std::string>()};
  } else if (values.count("plugin")) {
    what = "--plugin " + values["plugin"].as<std::string>();
    command = plugin_command(std::filesystem::absolute(values["plugin"].as<std::string>()));
  } else {
    return;
  }
  const CheckResult result = run_check(supervisor.executable, command, supervisor.environment, kPatience);
  if (!result.good()) throw UsageError(fmt::format("{}: {}", what, result.problem()));
}

}  // namespace bluefin::cli
