// SPDX-License-Identifier: MIT
// The options of a run as --help shows them.
#pragma once

#include <boost/program_options.hpp>
#include <string>

#include "run_options.hpp"

namespace bluefin::cli {

namespace po = boost::program_options;

// `storage` and `study_name`: what holds when the options are not given, for people.
po::options_description study_options(const std::string& storage, const std::string& study_name);
po::options_description limit_options();
po::options_description objective_options();
po::options_description trial_limit_options();
po::options_description slot_options();
po::options_description program_options();
po::options_description output_options();

std::string run_help();
std::string run_main_help(const std::string& program, const RunDefaults& defaults);

}  // namespace bluefin::cli
