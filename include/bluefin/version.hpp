// SPDX-License-Identifier: MIT
#pragma once

namespace bluefin {

const char* version();  // "0.1.0"

}  // namespace bluefin
