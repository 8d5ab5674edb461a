// SPDX-License-Identifier: MIT
// Spaces, options and values of TPE that a fuzzer's bytes stand for.
#pragma once

#include <functional>

#include "bluefin/distribution.hpp"
#include "bluefin/samplers/tpe.hpp"
#include "fuzz/input.hpp"

namespace bluefin::fuzz {

// Any finite number: 0, small ones, powers of ten up to 1e308, the largest, the smallest, or the bits themselves.
double read_number(Input& input);
// The same, or an infinity or NaN.
double read_loss(Input& input);

// Of any kind; normalized, and sometimes with a single value.
Distribution read_distribution(Input& input);
// Of the kind of `known`, so that one study may have both under one name.
Distribution read_other_range(Input& input, const Distribution& known);
// Canonical; often inside of the distribution, and at its ends.
double read_value(Input& input, const Distribution& distribution);

struct TpeCase {
  TpeOptions options;
  bool refused = false;      // make_sampler() must throw
  bool bad_weights = false;  // options.weights may be refused when it is asked
};
TpeCase read_tpe_case(Input& input);

}  // namespace bluefin::fuzz
