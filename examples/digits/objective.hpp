// SPDX-License-Identifier: MIT
// What the studies of this example minimise, and what they are judged by in the end. No LibTorch in this header.
#pragma once

#include "bluefin/study.hpp"

namespace digits {

// Trains one network. The value is its best validation loss; every epoch is reported, so that a pruner can stop it.
// The test images are never looked at.
bluefin::Outcome validation_loss(bluefin::Trial& trial);

// Trains one network with the same hyperparameters and the parameter `seed`; the value is its accuracy on the test
// images. For trials that were enqueued with all of their parameters, when the studies are over.
bluefin::Outcome test_accuracy(bluefin::Trial& trial);

}  // namespace digits
