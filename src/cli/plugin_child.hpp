// SPDX-License-Identifier: MIT
// The command as the process of a plugin's trial.
#pragma once

namespace bluefin::cli {

inline constexpr const char* kPluginChild = "--bluefin-plugin";

// `bluefin --bluefin-plugin FILE`: loads the library and runs its objective on this process's trial. Without a trial it
// only looks whether that could be done. Returns the exit code; 2, with a sentence on standard error, when it could
// not.
int plugin_child(const char* library);

}  // namespace bluefin::cli
