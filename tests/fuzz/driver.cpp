// SPDX-License-Identifier: MIT
// Runs a fuzz target without libFuzzer, by a few of its options: [-runs=N] [-seed=N] [-max_total_time=SECONDS]
// [-max_len=BYTES] FILE_OR_FOLDER... Each input as it is, then N inputs made of them; the k-th depends on seed and k
// alone. One that crashes is left in a file `crash-SEED-K`.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

namespace fs = std::filesystem;

using Random = std::mt19937_64;

// Where a mutation changes what a parser sees: words of JSON and of the formats.
constexpr std::array<std::string_view, 24> kWords{"null",
                                                  "true",
                                                  "NaN",
                                                  "-Infinity",
                                                  "{}",
                                                  "[]",
                                                  "\"",
                                                  "\\u0000",
                                                  "\\ud800",
                                                  "1e999",
                                                  "-1",
                                                  "0.5",
                                                  "COMPLETE",
                                                  "WAITING",
                                                  "2147483648",
                                                  "9223372036854775807",
                                                  "\n",
                                                  "\xff\xfe",
                                                  ": ",
                                                  ", ",
                                                  "\"name\"",
                                                  "[[[[[[",
                                                  "18446744073709551616",
                                                  "2024-01-01T00:00:00"};

std::string current;              // what is being run
std::array<char, 64> crash_name;  // where it goes

void save_current() {
  const int file = open(crash_name.data(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file >= 0 && write(file, current.data(), current.size()) >= 0) {
    static constexpr std::string_view kSaved = "the input is in the file ";
    static_cast<void>(!write(2, kSaved.data(), kSaved.size()));
    static_cast<void>(!write(2, crash_name.data(), std::char_traits<char>::length(crash_name.data())));
    static_cast<void>(!write(2, "\n", 1));
  }
  close(file);
}

void on_signal(int number) {
  save_current();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

std::size_t below(Random& random, std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(random() % n); }

void mutate(std::string& input, const std::vector<std::string>& corpus, Random& random) {
  const std::size_t at = below(random, input.size() + 1);
  const std::size_t length = std::min(input.size() - at, below(random, 1 + below(random, 40)));
  switch (below(random, 7)) {
    case 0:
      if (at < input.size()) input[at] = static_cast<char>(random());
      break;
    case 1:
      if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << below(random, 8)));
      break;
    case 2:
      input.erase(at, length);
      break;
    case 3:
      input.insert(at, kWords[below(random, kWords.size())]);
      break;
    case 4:
      input.replace(at, length, kWords[below(random, kWords.size())]);
      break;
    case 5: {
      const std::string& other = corpus[below(random, corpus.size())];
      const std::size_t from = below(random, other.size() + 1);
      input.replace(at, length, other, from, below(random, 200));
      break;
    }
    default:
      input.insert(at, input.substr(below(random, input.size() + 1), below(random, 100)));
  }
}

void run(const std::string& input, const std::string& name) {
  current = input;
  std::snprintf(crash_name.data(), crash_name.size(), "crash-%s", name.c_str());
  // A copy of exactly this size, so that a sanitizer sees a step too far.
  const std::vector<std::uint8_t> bytes(current.begin(), current.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t runs = 0;
  std::size_t max_len = 16384;
  std::uint64_t seed = 1;
  double seconds = 0.0;
  std::vector<fs::path> paths;
  for (const std::string& argument : std::vector<std::string>(argv + 1, argv + argc)) {
    const auto value = argument.substr(std::min(argument.size(), argument.find('=') + 1));
    if (argument.rfind("-runs=", 0) == 0) runs = std::stoul(value);
    if (argument.rfind("-seed=", 0) == 0) seed = std::stoul(value);
    if (argument.rfind("-max_len=", 0) == 0) max_len = std::stoul(value);
    if (argument.rfind("-max_total_time=", 0) == 0) seconds = std::stod(value);
    if (argument.rfind('-', 0) == 0) continue;
    if (fs::is_directory(argument)) {
      for (const auto& entry : fs::directory_iterator(argument)) paths.push_back(entry.path());
    } else {
      paths.emplace_back(argument);
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> corpus;
  for (const fs::path& path : paths) corpus.push_back(bytes_of(path));
  if (corpus.empty()) {
    std::fprintf(stderr, "usage: %s [-runs=N] [-seed=N] [-max_total_time=SECONDS] FILE_OR_FOLDER...\n", argv[0]);
    return 2;
  }
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(number, on_signal);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(save_current);

  for (std::size_t i = 0; i < corpus.size(); ++i) run(corpus[i], "corpus-" + std::to_string(i));
  const auto begin = std::chrono::steady_clock::now();
  const auto in_time = [&] {
    return seconds == 0.0 || std::chrono::steady_clock::now() - begin < std::chrono::duration<double>(seconds);
  };
  std::size_t k = 0;
  for (; (runs == 0 ? seconds > 0.0 : k < runs) && in_time(); ++k) {
    std::seed_seq sequence{seed, static_cast<std::uint64_t>(k)};
    Random random(sequence);
    std::string input = corpus[below(random, corpus.size())];
    for (std::size_t n = 1 + below(random, 5); n > 0; --n) mutate(input, corpus, random);
    if (input.size() > max_len) input.resize(max_len);
    run(input, std::to_string(seed) + "-" + std::to_string(k));
  }
  std::printf("%zu inputs of the corpus and %zu made of them: no fault\n", corpus.size(), k);
  return 0;
}
