// SPDX-License-Identifier: MIT
// Everything a program that tunes something needs.
#pragma once

#include "bluefin/attached.hpp"                 // IWYU pragma: export
#include "bluefin/devices.hpp"                  // IWYU pragma: export
#include "bluefin/distribution.hpp"             // IWYU pragma: export
#include "bluefin/durability.hpp"               // IWYU pragma: export
#include "bluefin/error.hpp"                    // IWYU pragma: export
#include "bluefin/fit_batch.hpp"                // IWYU pragma: export
#include "bluefin/frozen_trial.hpp"             // IWYU pragma: export
#include "bluefin/history.hpp"                  // IWYU pragma: export
#include "bluefin/json.hpp"                     // IWYU pragma: export
#include "bluefin/log.hpp"                      // IWYU pragma: export
#include "bluefin/memory_model.hpp"             // IWYU pragma: export
#include "bluefin/out_of_memory.hpp"            // IWYU pragma: export
#include "bluefin/pruner.hpp"                   // IWYU pragma: export
#include "bluefin/pruners/median.hpp"           // IWYU pragma: export
#include "bluefin/pruners/nop.hpp"              // IWYU pragma: export
#include "bluefin/pruners/percentile.hpp"       // IWYU pragma: export
#include "bluefin/rng.hpp"                      // IWYU pragma: export
#include "bluefin/sampler.hpp"                  // IWYU pragma: export
#include "bluefin/samplers/gp.hpp"              // IWYU pragma: export
#include "bluefin/samplers/gp_explanation.hpp"  // IWYU pragma: export
#include "bluefin/samplers/random.hpp"          // IWYU pragma: export
#include "bluefin/samplers/tpe.hpp"             // IWYU pragma: export
#include "bluefin/slots.hpp"                    // IWYU pragma: export
#include "bluefin/storage.hpp"                  // IWYU pragma: export
#include "bluefin/study.hpp"                    // IWYU pragma: export
#include "bluefin/training.hpp"                 // IWYU pragma: export
#include "bluefin/trial.hpp"                    // IWYU pragma: export
#include "bluefin/types.hpp"                    // IWYU pragma: export
#include "bluefin/version.hpp"                  // IWYU pragma: export
