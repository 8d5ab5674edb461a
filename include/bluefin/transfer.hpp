// SPDX-License-Identifier: MIT
// Studies from one storage to another and to JSON Lines, with all that belongs to them: numbers, states, values,
// reports with infinities and NaN, parameters with their distributions, attributes as they are written, times.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace bluefin {

// Where the destination has a study of that name.
enum class IfExists : std::uint8_t { kError, kSkip, kReplace };

struct TransferOptions {
  std::optional<std::string> study = {};     // unset: all
  std::optional<std::string> to_study = {};  // a new name for the only one
  IfExists if_exists = IfExists::kError;
};

struct Transferred {
  std::string study;  // its name in the destination
  std::size_t n_trials = 0;
  bool skipped = false;
};

// Others may write both storages meanwhile. A study is read at one moment and written at one moment: its readers see
// all of it or nothing, also when this process dies; studies that were written before an error stay. Where a name is
// taken, kError is an error before copy_studies() writes anything. Throws Error(kNotFound) when there is no such file
// or study, Error(kAlreadyExists), and what the storages throw.
std::vector<Transferred> copy_studies(const std::string& from_url, const std::string& to_url,
                                      const TransferOptions& options = {});

// Writes a header, and a line for each study and each of its trials: the form is in storage/FORMAT.md.
std::vector<Transferred> export_studies(const std::string& url, std::ostream& out,
                                        const std::optional<std::string>& study = {});

// The same into a file, which is there whole or not at all. Throws Error(kAlreadyExists) when it is there, unless
// `overwrite`.
std::vector<Transferred> export_studies(const std::string& url, const std::string& path, bool overwrite,
                                        const std::optional<std::string>& study = {});

// Reads what export_studies() has written. Each study is checked to its end before it is written. Throws
// Error(kInvalidArgument) that names the line of `name` (what messages call the stream) and what was expected there.
std::vector<Transferred> import_studies(std::istream& in, const std::string& name, const std::string& to_url,
                                        const TransferOptions& options = {});

}  // namespace bluefin
