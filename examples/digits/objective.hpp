// SPDX-License-Identifier: MIT
// What the studies of this example minimise, and what they are judged by in the end. No LibTorch in this header.
#pragma once

#include "bluefin/study.hpp"

namespace digits {

// Trains one network. The value is its best validation loss; every epoch is reported, so that a pruner can stop it.
// The test images are never looked at.
bluefin::Outcome validation_loss(bluefin::Trial& trial);

// Both train one network with the same hyperparameters and the parameter `seed`, for trials that were enqueued with all
// of their parameters, when the studies are over. The value is the best validation loss, or the accuracy on the test
// images.
bluefin::Outcome seeded_validation_loss(bluefin::Trial& trial);
bluefin::Outcome test_accuracy(bluefin::Trial& trial);

}  // namespace digits
