// SPDX-License-Identifier: MIT
// How arrays grow that have an element for each trial of a study.
#pragma once

#include <cstddef>

namespace bluefin {

// Room for n elements and some more: a quarter, since doubling leaves nearly a third of the memory empty on average.
// An element is copied four times before the array has its last length, whatever that is.
constexpr std::size_t capacity_for(std::size_t n) { return n < 64 ? 64 : n + n / 4; }

// To be called before a vector is made n elements long.
template <class Vector>
void make_room(Vector& vector, std::size_t n) {
  if (n > vector.capacity()) vector.reserve(capacity_for(n));
}

}  // namespace bluefin
