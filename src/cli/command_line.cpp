// SPDX-License-Identifier: MIT
#include "command_line.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

#include "bluefin/database.hpp"
#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "terminal_text.hpp"
#include "text.hpp"

namespace bluefin::cli {
namespace {

po::options_description global_options() {
  po::options_description options("options of every command");
  options.add_options()                                                                                          //
      ("storage", po::value<std::string>()->value_name("URL"),                                                   //
       "sqlite:///FILE or journal:///FILE; also by the environment variable BLUEFIN_STORAGE or OPTUNA_STORAGE")  //
      ("storage-class", po::value<std::string>()->value_name("CLASS"),                                           //
       "of Optuna's classes RDBStorage (SQLite) and JournalFileBackend; default: by the URL")                    //
      ("verbose,v", po::value<std::vector<std::string>>()->zero_tokens()->composing(),                           //
       "show debug messages too")                                                                                //
      ("quiet,q", po::bool_switch(), "show only warnings and errors")                                            //
      ("log-file", po::value<std::string>()->value_name("FILE"), "append messages to this file as well")         //
      ("debug", po::bool_switch(), "show the kind of an error with its message")                                 //
      ("help,h", po::bool_switch(), "show this message and exit");
  return options;
}

std::string to_text(const po::options_description& options) {
  std::ostringstream out;
  out << options;
  return out.str();
}

bool is_number(const std::string& word) {
  char* end = nullptr;
  std::strtod(word.c_str(), &end);
  return !word.empty() && *end == '\0';
}

// "-1.5" and "-inf" are values, not options.
std::vector<po::option> take_negative_number(std::vector<std::string>& words) {
  std::vector<po::option> taken;
  if (!words.empty() && words[0].size() > 1 && words[0][0] == '-' && is_number(words[0])) {
    po::option option;
    option.value.push_back(words[0]);
    option.original_tokens.push_back(words[0]);
    taken.push_back(option);
    words.erase(words.begin());
  }
  return taken;
}

constexpr const char* kWords = "words";  // the hidden option that takes what belongs to no option

// Of an option that is given more than once the last one counts.
void keep_last(std::vector<po::option>& options) {
  std::set<std::string> seen;
  std::vector<po::option> kept;
  for (auto option = options.rbegin(); option != options.rend(); ++option) {
    if (option->string_key == "verbose" || option->string_key == kWords || seen.insert(option->string_key).second)
      kept.push_back(*option);
  }
  std::reverse(kept.begin(), kept.end());
  options = std::move(kept);
}

char letter_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return 'D';
    case LogLevel::kInfo:
      return 'I';
    case LogLevel::kWarning:
      return 'W';
    default:
      return 'E';
  }
}

// "[I 2026-11-23 23:02:50,123] message", local time.
std::string log_line(LogLevel level, std::string_view message) {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm local{};
  localtime_r(&seconds, &local);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
  return fmt::format("[{} {},{:03}] {}\n", letter_of(level), text, milliseconds, harmless(message));
}

}  // namespace

void check_standard_output() {
  if (!std::cout.flush()) {
    throw Error(ErrorCode::kUnavailable, "cannot write to standard output");
  }
}

std::string resolve_storage(const std::string& storage, const std::string& storage_class) {
  const bool is_url = storage.find(":/") != std::string::npos || storage.rfind("memory:", 0) == 0;
  if (storage_class == "RDBStorage") return storage;
  if (storage_class == "JournalFileBackend" || storage_class == "JournalFileStorage") {
    if (storage.rfind("journal:", 0) == 0) return storage;
    if (is_url) throw UsageError(fmt::format("--storage-class {} takes a path, not {}", storage_class, storage));
    return "journal:///" + storage;
  }
  if (!storage_class.empty()) {
    throw UsageError(
        fmt::format("--storage-class {}: expected RDBStorage (SQLite) or JournalFileBackend", storage_class));
  }
  std::error_code ignored;
  if (is_url || !std::filesystem::is_regular_file(storage, ignored)) return storage;
  std::string first(6, '\0');
  std::ifstream(storage, std::ios::binary).read(first.data(), 6);
  if (first != "SQLite") return "journal:///" + storage;
  std::string url = "sqlite:///";
  for (const char c : storage) url += c == '%' ? "%25" : std::string(1, c);  // a name that looks like an escape
  return url;
}

std::string global_options_help() { return to_text(global_options()); }

CommandLine::CommandLine(std::string name, std::string example)
    : name_(std::move(name)), example_(std::move(example)), options_("options") {}

CommandLine& CommandLine::note(const char* text) {
  note_ = text;
  return *this;
}

CommandLine& CommandLine::flag(const char* option, const char* help) {
  options_.add_options()(option, po::bool_switch(), help);
  return *this;
}

CommandLine& CommandLine::text(const char* option, const char* placeholder, const char* help, Need need) {
  auto* value = po::value<std::string>()->value_name(placeholder);
  options_.add_options()(option, need == Need::kRequired ? value->required() : value, help);
  return *this;
}

CommandLine& CommandLine::integer(const char* option, const char* placeholder, const char* help, Need need) {
  auto* value = po::value<std::int64_t>()->value_name(placeholder);
  options_.add_options()(option, need == Need::kRequired ? value->required() : value, help);
  return *this;
}

CommandLine& CommandLine::words(const char* usage, std::size_t least, std::size_t most) {
  words_usage_ = usage;
  least_words_ = least;
  most_words_ = most;
  return *this;
}

CommandLine& CommandLine::no_storage() {
  has_storage_ = false;
  return *this;
}

CommandLine& CommandLine::positional(const char* option) {
  positional_.add(option, 1);
  return *this;
}

CommandLine& CommandLine::grace_period() {
  return integer("grace-period", "SECONDS", "the age of a heartbeat that has stopped");
}

CommandLine& CommandLine::texts(const char* option, const char* placeholder, const char* help) {
  options_.add_options()(option, po::value<std::vector<std::string>>()->multitoken()->value_name(placeholder), help);
  return *this;
}

CommandLine& CommandLine::format(const char* default_format, bool can_flatten) {
  const std::string help = fmt::format("value, json, table, yaml or csv; default: {}", default_format);
  options_.add_options()("format,f", po::value<std::string>()->default_value(default_format, "")->value_name("FORMAT"),
                         help.c_str());
  if (can_flatten) flag("flatten", "one column for each of params, user_attrs and so on");
  return *this;
}

bool CommandLine::parse(const Arguments& arguments) {
  po::options_description all;
  all.add(options_).add(global_options());
  if (!words_usage_.empty()) {
    all.add_options()(kWords, po::value<std::vector<std::string>>(&words_)->composing());
    positional_.add(kWords, -1);
  }
  int verbosity = 1;
  try {
    auto parsed = po::command_line_parser(arguments)
                      .options(all)
                      .positional(positional_)
                      .extra_style_parser(take_negative_number)
                      .run();
    const auto is_verbose = [](const po::option& option) { return option.string_key == "verbose"; };
    verbosity += static_cast<int>(std::count_if(parsed.options.begin(), parsed.options.end(), is_verbose));
    keep_last(parsed.options);
    po::store(parsed, values_);
    if (is_set("help")) {
      std::cout << help();
      return false;
    }
    po::notify(values_);
  } catch (const po::too_many_positional_options_error&) {
    throw usage_error("an argument too many: every value follows its option");
  } catch (const po::error& error) {
    throw usage_error(error.what());
  }
  if (words_.size() < least_words_) throw usage_error(fmt::format("expected {}", words_usage_));
  if (words_.size() > std::max(least_words_, most_words_)) throw usage_error("an argument too many: " + words_.back());
  if (is_set("quiet")) {
    if (verbosity > 1) throw usage_error("--quiet and --verbose exclude each other");
    verbosity = 0;
  }
  if (has("format")) get_choice("format", {"value", "json", "table", "yaml", "csv"});
  configure_logging(verbosity);
  return true;
}

void CommandLine::configure_logging(int verbosity) const {
  std::shared_ptr<std::ofstream> file;
  if (has("log-file")) {
    file = std::make_shared<std::ofstream>(get_text("log-file"), std::ios::app);
    if (!*file) throw usage_error(fmt::format("--log-file {}: the file cannot be written", get_text("log-file")));
  }
  set_log_level(verbosity == 0 ? LogLevel::kWarning : verbosity == 1 ? LogLevel::kInfo : LogLevel::kDebug);
  set_log_sink([file](LogLevel level, std::string_view message) {
    const std::string line = log_line(level, message);
    std::cerr << line << std::flush;
    if (file != nullptr) *file << line << std::flush;
  });
}

std::string CommandLine::get_text(const std::string& option) const {
  return has(option) ? values_.at(option).as<std::string>() : std::string();
}

std::vector<std::string> CommandLine::get_texts(const std::string& option) const {
  return has(option) ? values_.at(option).as<std::vector<std::string>>() : std::vector<std::string>();
}

std::optional<std::chrono::seconds> CommandLine::get_grace_period() const {
  if (!has("grace-period")) return std::nullopt;
  const std::int64_t seconds = get_integer("grace-period");
  if (seconds < 0) throw usage_error(fmt::format("--grace-period {}: must be >= 0 seconds", seconds));
  return std::chrono::seconds(seconds);
}

std::string CommandLine::get_choice(const std::string& option, std::initializer_list<std::string_view> choices) const {
  std::string given = get_text(option);
  if (std::find(choices.begin(), choices.end(), given) != choices.end()) return given;
  throw usage_error(fmt::format("--{} {}: expected one of {}", option, given, joined(choices, ", ")));
}

std::string CommandLine::storage_url() const {
  const auto resolved = [&](const std::string& storage) {
    try {
      return resolve_storage(storage, get_text("storage-class"));
    } catch (const UsageError& error) {
      throw usage_error(error.what());
    }
  };
  if (has("storage")) return resolved(get_text("storage"));
  for (const char* variable : {"BLUEFIN_STORAGE", "OPTUNA_STORAGE"}) {
    const char* url = std::getenv(variable);
    if (url != nullptr && *url != '\0') return resolved(url);
  }
  throw UsageError(name_ + ": Storage URL is not specified: give --storage sqlite:///FILE or set BLUEFIN_STORAGE",
                   help());
}

std::shared_ptr<Storage> CommandLine::open_storage() const { return bluefin::open_storage(storage_url()); }

std::shared_ptr<Storage> CommandLine::open_existing_storage() const {
  const std::string url = storage_url();
  std::error_code ignored;
  if (url.starts_with("sqlite:") && !std::filesystem::exists(database_path(url), ignored)) {
    throw Error(ErrorCode::kNotFound, fmt::format("{}: there is no such file", url));
  }
  return open_storage();
}

Study CommandLine::load_study(std::shared_ptr<const Sampler> sampler) const {
  StudyOptions options;
  options.open_storage = open_storage();
  options.name = get_text("study-name");
  options.sampler = std::move(sampler);
  return bluefin::load_study(options);
}

std::string CommandLine::help() const {
  std::string text =
      fmt::format("usage: bluefin {}{}{} [options]\n\n", name_, words_usage_.empty() ? "" : " ", words_usage_);
  if (const Command* command = find_command(name_)) text += fmt::format("{}\n\n", command->description);
  if (!note_.empty()) text += note_ + "\n\n";
  if (!options_.options().empty()) text += to_text(options_) + "\n";
  text += (has_storage_ ? global_options_help() + "\n" : "") + "example:\n";
  std::istringstream lines(example_);
  for (std::string line; std::getline(lines, line);) text += "  " + line + "\n";
  return text;
}

UsageError CommandLine::usage_error(const std::string& message) const {
  return UsageError(fmt::format("{}: {}; see 'bluefin {} --help'", name_, message, name_));
}

}  // namespace bluefin::cli
