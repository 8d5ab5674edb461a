// SPDX-License-Identifier: MIT
#include "plugin_child.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "bluefin/attached.hpp"
#include "bluefin/plugin.hpp"
#include "bluefin/version.hpp"
#include "exec/zygote_child.hpp"

namespace bluefin::cli {
namespace {

constexpr unsigned kLongestCheck = 90;  // seconds; more than the command waits

}  // namespace

int plugin_child(const char* path) {
  // Nobody is left to stop a check that hangs when Ctrl-C has ended the command.
  if (!is_attached()) ::alarm(kLongestCheck);
  void* library = ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::fprintf(stderr, "it cannot be loaded: %s\n", ::dlerror());
    return 2;
  }
  const auto* plugin = static_cast<const Plugin*>(::dlsym(library, "bluefin_plugin"));
  if (plugin == nullptr) {
    std::fprintf(stderr, "it has no objective: write BLUEFIN_OBJECTIVE(function) of <bluefin/plugin.hpp>\n");
    return 2;
  }
  if (plugin->abi != kPluginAbi) {
    std::fprintf(stderr,
                 "it was built for version %u of the plugin interface, but bluefin %s has version %u: build it again "
                 "with the headers of this bluefin\n",
                 plugin->abi, version(), kPluginAbi);
    return 2;
  }
  if (!is_attached()) {
    std::_Exit(0);  // without what the library would do at its end
  }
  try {
    // Here, since a plugin may be older than this.
    if (is_zygote()) become_forked_trial();
    return plugin->run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bluefin: %s\n", error.what());
  }
  return 1;
}

}  // namespace bluefin::cli
