// SPDX-License-Identifier: MIT
// What one command may be given: its own options and those that every command has.
#pragma once

#include <boost/program_options.hpp>
#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bluefin/storage.hpp"
#include "bluefin/study.hpp"
#include "commands.hpp"

namespace bluefin::cli {

namespace po = boost::program_options;

// A command line that cannot be understood: exit code 2.
class UsageError : public std::runtime_error {
 public:
  // `help`: printed on standard output after the message, when not empty.
  explicit UsageError(const std::string& message, std::string help = {})
      : std::runtime_error(message), help_(std::move(help)) {}
  const std::string& help() const noexcept { return help_; }

 private:
  std::string help_;
};

// Whatever std::cout was given has gone out. Throws Error(kUnavailable) if not: a full disk, a reader that is gone.
void check_standard_output();

// The URL that --storage and --storage-class (empty: not given) mean together. As in Optuna, the class of a journal
// takes a path, and so does no class if the file exists. Throws UsageError for a class that is not supported.
std::string resolve_storage(const std::string& storage, const std::string& storage_class);

// --storage, --verbose and so on, as every help shows them.
std::string global_options_help();

// Whether an option of a command has to be given.
enum class Need : bool { kOptional, kRequired };

class CommandLine {
 public:
  // `name` is the command's in the table; `example` is one or more shell lines.
  CommandLine(std::string name, std::string example);

  // Shown below the command's description, in lines of at most 80 columns.
  CommandLine& note(const char* text);
  CommandLine& flag(const char* option, const char* help);
  CommandLine& text(const char* option, const char* placeholder, const char* help, Need need = Need::kOptional);
  CommandLine& integer(const char* option, const char* placeholder, const char* help, Need need = Need::kOptional);
  CommandLine& positional(const char* option);  // whose value may also stand without the option's name
  CommandLine& texts(const char* option, const char* placeholder, const char* help);  // one or more words
  // Words that belong to no option; `usage` stands for them in the help.
  CommandLine& words(const char* usage, std::size_t least, std::size_t most = static_cast<std::size_t>(-1));
  // The command opens no study: its help leaves out the options of those that do.
  CommandLine& no_storage();
  CommandLine& grace_period();  // of heartbeats, see get_grace_period()
  // -f and, for nested columns, --flatten.
  CommandLine& format(const char* default_format, bool can_flatten);

  // False: --help was asked for and printed. Afterwards logging is set up as --verbose, --quiet and --log-file say.
  // Throws UsageError that names the option.
  bool parse(const Arguments& arguments);

  bool has(const std::string& option) const { return values_.count(option) > 0; }
  bool is_set(const std::string& flag) const { return values_.at(flag).as<bool>(); }
  std::string get_text(const std::string& option) const;  // empty when not given
  std::int64_t get_integer(const std::string& option) const { return values_.at(option).as<std::int64_t>(); }
  std::vector<std::string> get_texts(const std::string& option) const;
  const std::vector<std::string>& get_words() const { return words_; }
  // Null when it is not given. Throws UsageError below 0.
  std::optional<std::chrono::seconds> get_grace_period() const;
  // Throws UsageError unless the word is one of `choices`.
  std::string get_choice(const std::string& option, std::initializer_list<std::string_view> choices) const;

  // --storage, else $BLUEFIN_STORAGE, else $OPTUNA_STORAGE. Throws UsageError when there is none.
  std::string storage_url() const;
  std::shared_ptr<Storage> open_storage() const;
  // The same, but no SQLite file is made where there is none: Error(kNotFound).
  std::shared_ptr<Storage> open_existing_storage() const;
  // The study of --study-name; without that option the only one in the storage.
  Study load_study(std::shared_ptr<const Sampler> sampler = nullptr) const;

  std::string help() const;
  UsageError usage_error(const std::string& message) const;

 private:
  void configure_logging(int verbosity) const;

  std::string name_;
  std::string example_;
  std::string note_;
  std::string words_usage_;  // empty: the command takes no words
  std::size_t least_words_ = 0;
  std::size_t most_words_ = 0;
  std::vector<std::string> words_;
  bool has_storage_ = true;
  po::options_description options_;
  po::positional_options_description positional_;
  po::variables_map values_;
};

}  // namespace bluefin::cli
