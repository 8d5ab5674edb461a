// SPDX-License-Identifier: MIT
// A plugin that was not linked with all that it needs.
extern "C" int function_that_is_nowhere();
extern "C" int bluefin_plugin() { return function_that_is_nowhere(); }
