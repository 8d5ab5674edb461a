// SPDX-License-Identifier: MIT
// Records of one line of JSON in files that other processes write: another version of bluefin, or anybody.
#pragma once

#include <optional>
#include <string>
#include <type_traits>

#include "core/json_nlohmann.hpp"

namespace bluefin {

// The object of the first line; an empty one for anything else.
inline JsonTree record_tree(const std::string& text) {
  JsonTree tree = JsonTree::parse(text.substr(0, text.find('\n')), nullptr, false);
  return tree.is_object() ? tree : JsonTree::object();
}

// What a record has of a member; the target stays as it is where that is missing or of another kind.
template <class T>
void read_member(const JsonTree& tree, const char* key, T& target) {
  const auto found = tree.find(key);
  if (found == tree.end()) return;
  if constexpr (std::is_same_v<T, std::string>) {
    if (found->is_string()) target = found->template get<std::string>();
  } else if constexpr (std::is_floating_point_v<T>) {
    if (found->is_number()) target = found->template get<T>();
  } else {
    if (found->is_number_integer()) target = found->template get<T>();
  }
}

template <class T>
void read_member(const JsonTree& tree, const char* key, std::optional<T>& target) {
  if (const auto found = tree.find(key); found != tree.end() && found->is_number()) target = found->template get<T>();
}

}  // namespace bluefin
