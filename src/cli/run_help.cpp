// SPDX-License-Identifier: MIT
#include "run_help.hpp"

#include <fmt/core.h>

#include <sstream>

#include "bluefin/pruner.hpp"
#include "bluefin/sampler.hpp"

namespace bluefin::cli {
namespace {

// "random, tpe"
std::string names(const std::vector<RegistryEntry>& entries) {
  std::string text;
  for (const RegistryEntry& entry : entries) {
    text += (text.empty() ? "" : ", ") + entry.name;
  }
  return text;
}

std::string text_of(const po::options_description& options) {
  std::ostringstream out;
  out << options;
  return out.str();
}

}  // namespace

po::options_description objective_options() {
  po::options_description options("what a trial is, in place of PROGRAM");
  options.add_options()  //
      ("python", po::value<std::string>()->value_name("TARGET"),
       "FILE.py:FUNCTION or MODULE:FUNCTION, a function of a trial; ARGS become sys.argv[1:]")  //
      ("python-program", po::value<std::string>()->value_name("PYTHON"),
       "its interpreter; default: $BLUEFIN_PYTHON, the active virtual environment's, python3")  //
      ("plugin", po::value<std::string>()->value_name("FILE.so"),
       "a library with BLUEFIN_OBJECTIVE(function) in C++, see <bluefin/plugin.hpp>");
  return options;
}

po::options_description study_options(const std::string& storage, const std::string& study_name) {
  const std::string storage_help = "sqlite:///FILE or journal:///FILE; default: $BLUEFIN_STORAGE, then " + storage;
  const std::string name_help = "default: " + study_name;
  const std::string sampler_help = names(list_samplers()) + "; default: the study's own, else tpe";
  const std::string pruner_help = names(list_pruners()) + "; default: the study's own, else median";
  po::options_description options("study");
  options.add_options()                                                                        //
      ("storage", po::value<std::string>()->value_name("URL"), storage_help.c_str())           //
      ("storage-class", po::value<std::string>()->value_name("CLASS"),                         //
       "of Optuna's classes RDBStorage (SQLite) and JournalFileBackend; default: by the URL")  //
      ("durability", po::value<std::string>()->value_name("D"),                                //
       "what a power cut may take of an SQLite file: trial (default: nothing that was told), group "
       "(100 ms), os (about 30 s); also $BLUEFIN_DURABILITY")                                     //
      ("study-name", po::value<std::string>()->value_name("NAME"), name_help.c_str())             //
      ("create", po::bool_switch(), "make the study, or join it if it is there")                  //
      ("direction", po::value<std::string>()->value_name("D"), "minimize (default) or maximize")  //
      ("directions", po::value<std::vector<std::string>>()->multitoken()->value_name("D..."),
       "for several objectives: one for each")                                         //
      ("sampler", po::value<std::string>()->value_name("NAME"), sampler_help.c_str())  //
      ("sampler-option", po::value<std::vector<std::string>>()->value_name("K=V"),
       "e.g. n_startup_trials=20; repeatable")                                       //
      ("pruner", po::value<std::string>()->value_name("NAME"), pruner_help.c_str())  //
      ("pruner-option", po::value<std::vector<std::string>>()->value_name("K=V"),
       "e.g. n_warmup_steps=5; repeatable")  //
      ("seed", po::value<std::string>()->value_name("N"),
       "makes a run of one process with one worker repeatable")  //
      ("enqueue", po::value<std::vector<std::string>>()->value_name("JSON"),
       "a configuration to run first, like '{\"lr\":0.001}'; repeatable")  //
      ("resource-hint", po::value<std::vector<std::string>>()->value_name("HINT"),
       "memory grows with a product of parameters, e.g. activations=batch*width*depth; kept with the study; "
       "repeatable");
  return options;
}

po::options_description limit_options() {
  po::options_description options("how long, how many");
  options.add_options()                                                                                               //
      ("n-trials", po::value<int>()->value_name("N"), "trials to start here, whatever their end; default: no limit")  //
      ("timeout", po::value<std::string>()->value_name("T"),
       "begin no trial after this time: seconds, or 90s, 5m, 2h")  //
      ("workers", po::value<int>()->value_name("W"),
       "trials at a time, each in a process; default: one per slot (below), without slots one per core")  //
      ("prestart", po::value<std::string>()->value_name("on|off|auto"),
       "start a slot's next program while its trial still runs, if the program waits for its trial; default: auto, "
       "where that pays and not on GPUs, whose memory two could need at once; off for PROGRAM")  //
      ("zygote", po::value<std::string>()->value_name("on|off"),
       "load the program once and fork it for each trial, as long as it has one thread and has not opened a GPU; for "
       "--python, --plugin and run_main; default: off")  //
      ("max-failures-in-row", po::value<int>()->default_value(10)->value_name("N"),
       "stop after so many failures without a success; 0: never")  //
      ("retry", po::value<int>()->default_value(0)->value_name("N"),
       "run a trial again, N times at most, that came to no harm of its own: interrupted, or its supervisor was "
       "killed");
  return options;
}

po::options_description trial_limit_options() {
  po::options_description options("limits of one trial");
  options.add_options()  //
      ("trial-timeout", po::value<std::string>()->value_name("T"),
       "end a trial that runs for longer; it fails as timeout")  //
      ("report-timeout", po::value<std::string>()->value_name("T"),
       "end a trial that reports nothing for so long; it fails as no-report")  //
      ("memory-limit", po::value<std::string>()->value_name("SIZE"),
       "kill a trial whose processes have more main memory together, e.g. 8GiB; it fails as oom-host")  //
      ("memory-model", po::value<std::string>()->default_value("on")->value_name("on|off"),
       "do not suggest what is expected to run out of memory, by the trials that did; 'bluefin memory' shows it")  //
      ("grace", po::value<std::string>()->default_value("5s")->value_name("T"),
       "between SIGTERM and SIGKILL for a trial that has to end");
  return options;
}

po::options_description slot_options() {
  po::options_description options("slots: where trials run (docs/gpus.md)");
  options.add_options()  //
      ("gpus", po::value<std::string>()->value_name("G"),
       "all (default), none, a number: so many at a time, or a list: 0,2 or GPU-8f3c,GPU-11d0; 'bluefin devices' shows "
       "them")                                                                                 //
      ("gpus-per-trial", po::value<int>()->value_name("K"), "GPUs of each trial; default: 1")  //
      ("slots-per-gpu", po::value<std::string>()->value_name("N"),
       "trials on one GPU at a time, or auto: as many as fit; default: 1")                                           //
      ("share-gpus", po::bool_switch(), "run also where programs that hold no slot use the GPU")                     //
      ("cpu-slots", po::value<int>()->value_name("N"), "no GPU, but N slots for all runs of this machine together")  //
      ("fake-gpus", po::value<int>()->value_name("N"), "N devices FAKE-0, ... that are not there, to try this out");
  return options;
}

po::options_description program_options() {
  po::options_description options("programs that know nothing of bluefin");
  options.add_options()  //
      ("space", po::value<std::string>()->value_name("FILE"),
       "JSON object, parameter to distribution; {NAME} in ARGS stands for the value")  //
      ("space-in-env", po::bool_switch(), "the program reads $BLUEFIN_PARAMS, so ARGS need not name them all");
  return options;
}

po::options_description output_options() {
  po::options_description options("output");
  options.add_options()  //
      ("log-dir", po::value<std::string>()->value_name("DIR"),
       "keep what trials print in DIR/STUDY/NUMBER.log; default: <storage file>.logs; 'bluefin logs' shows it")  //
      ("log-limit", po::value<std::string>()->value_name("SIZE"),
       "of one trial's output; of more the middle is left out; default: 10MiB")  //
      ("no-logs", po::bool_switch(), "do not keep what trials print")            //
      ("quiet,q", po::bool_switch(), "errors and warnings only")                 //
      ("verbose,v", po::value<std::vector<std::string>>()->zero_tokens()->composing(), "more messages; -vv: all")(
          "log-file", po::value<std::string>()->value_name("FILE"), "append trials and messages to this file as well")(
          "debug", po::bool_switch(), "show the kind of an error with its message")(
          "no-progress", po::bool_switch(), "no progress line, only the finished trials")  //
      ("help,h", po::bool_switch(), "this text");
  return options;
}

std::string run_help() {
  return "usage: bluefin run [options] -- PROGRAM ARGS...\n"
         "       bluefin run [options] --python FILE.py:FUNCTION [-- ARGS...]\n"
         "       bluefin run [options] --plugin FILE.so\n\n"
         "Runs PROGRAM once for each trial of a study, several at a time. This command is\n"
         "the only process that opens the storage; another `bluefin run` on the same study\n"
         "shares it.\n\n"
         "PROGRAM finds its trial by itself when it uses bluefin (run_main, Python), or\n"
         "`bluefin trial suggest` and so on in a shell script. Any other program takes its\n"
         "parameters as {NAME} in ARGS and prints its value on the last line of standard\n"
         "output; it may print `bluefin:report STEP VALUE` on the way, so that a bad trial is\n"
         "stopped early.\n\n" +
         text_of(objective_options()) + "\n" +
         text_of(study_options("$OPTUNA_STORAGE", "the only study of the storage")) + "\n" + text_of(limit_options()) +
         "\n" + text_of(trial_limit_options()) + "\n" + text_of(slot_options()) + "\n" + text_of(program_options()) +
         "\n" + text_of(output_options()) +
         "\nCtrl-C once lets running trials finish, twice ends them at once.\n"
         "Exit code 0: at least one trial completed and nothing stopped the run early;\n"
         "1: otherwise; 2: wrong usage.\n\n"
         "example:\n"
         "  $ echo '{\"x\": {\"type\": \"float\", \"low\": -5, \"high\": 5}}' > space.json\n"
         "  $ bluefin run --storage sqlite:///parabola.db --study-name parabola --create \\\n"
         "      --n-trials 50 --space space.json -- awk 'BEGIN {{ print ({x} - 2) ^ 2 }}'\n";
}

std::string run_main_help(const std::string& program, const RunDefaults& defaults) {
  const std::string name = program.substr(program.rfind('/') + 1);
  const std::string study = defaults.study_name.empty() ? name : defaults.study_name;
  const std::string storage = defaults.storage.empty() ? "sqlite:///" + study + ".db" : defaults.storage;
  return fmt::format("usage: {} [options]\n\n{}{}\n{}\n{}\n{}\n{}\nexample:\n  $ {} --n-trials 50 --workers 2\n", name,
                     defaults.description.empty() ? "" : defaults.description + "\n\n",
                     text_of(study_options(storage, study)), text_of(limit_options()), text_of(trial_limit_options()),
                     text_of(slot_options()), text_of(output_options()), program);
}

}  // namespace bluefin::cli
