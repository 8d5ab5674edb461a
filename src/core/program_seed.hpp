// SPDX-License-Identifier: MIT
// What a trial's program may seed its own generators with ($BLUEFIN_SEED). 31 bits: every generator takes that many
// (NumPy's no more than 32), and every language reads it as a plain integer.
#pragma once

#include <cstdint>

#include "bluefin/rng.hpp"

namespace bluefin {

inline std::uint64_t program_seed(std::uint64_t study_seed, int number) {
  return Rng(study_seed, static_cast<std::uint64_t>(number), 0, "$BLUEFIN_SEED")() >> 33;
}

}  // namespace bluefin
