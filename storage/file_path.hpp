// SPDX-License-Identifier: MIT
// The file that a URL names, and what keeps it from being used.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

namespace bluefin {

// What SCHEME:///relative/path or SCHEME:////absolute/path says, with or without `?options` behind it.
struct FileUrl {
  std::string url;      // without the options
  std::string path;     // absolute
  std::string options;  // behind the '?'
};

// Throws Error(kInvalidArgument) for a URL of another form. Looks at no file, but where a link leads to, and whether
// there is a file of the name that an sqlite:/// URL has before its escapes (%20) are read.
FileUrl parse_file_url(const std::string& url, std::string_view scheme);

// Whether the file can be used: empty when it can be written, or made; otherwise why it can only be read. Throws
// Error(kUnavailable) when it can be neither: the folder is missing, the path is a folder, the file is not readable, or
// it has another name too (a hard link, a mount of the file alone), beside which others would keep its log and locks,
// or beside it stands what somebody has put there who may not write it.
std::string read_only_reason(const FileUrl& file);

// Whether the owner of a file in the place of a log, or the like, may write the study's file: by its mode.
bool may_stand_beside(const struct stat& file, const struct stat& beside);

}  // namespace bluefin
