// SPDX-License-Identifier: MIT
// The copies of SQLite in this process.
#pragma once

#include <string>

namespace bluefin {

// The path of a loaded program or library that has an SQLite of its own, other than the one that bluefin calls: a wheel
// with SQLite inside, an interpreter that is linked with it. Empty if there is none, or where that cannot be found out.
std::string other_sqlite_copy();

}  // namespace bluefin
