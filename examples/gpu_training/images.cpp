// SPDX-License-Identifier: MIT
#include "images.hpp"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <array>
#include <vector>

namespace gpu_training {
namespace {

struct Point {
  float x, y;
};

// Each digit is one line from point to point, in a square from -1 to 1; y points down.
const std::array<std::vector<Point>, 10> kStrokes = {{
    {{0, -.8F}, {.45F, -.5F}, {.5F, .4F}, {0, .8F}, {-.5F, .4F}, {-.45F, -.5F}, {0, -.8F}},
    {{-.3F, -.5F}, {0, -.8F}, {0, .8F}},
    {{-.5F, -.5F}, {0, -.8F}, {.5F, -.5F}, {.4F, 0}, {-.5F, .8F}, {.5F, .8F}},
    {{-.5F, -.7F}, {.1F, -.8F}, {.5F, -.4F}, {0, 0}, {.5F, .4F}, {.1F, .8F}, {-.5F, .7F}},
    {{.3F, .8F}, {.3F, -.8F}, {-.5F, .3F}, {.6F, .3F}},
    {{.5F, -.8F}, {-.4F, -.8F}, {-.5F, -.1F}, {.2F, -.2F}, {.5F, .3F}, {.1F, .8F}, {-.5F, .7F}},
    {{.4F, -.8F}, {-.3F, -.3F}, {-.5F, .4F}, {0, .8F}, {.5F, .4F}, {.1F, 0}, {-.45F, .3F}},
    {{-.5F, -.8F}, {.5F, -.8F}, {-.1F, .8F}},
    {{0, 0}, {.4F, -.4F}, {0, -.8F}, {-.4F, -.4F}, {0, 0}, {.5F, .4F}, {0, .8F}, {-.5F, .4F}, {0, 0}},
    {{.45F, -.3F}, {-.1F, 0}, {-.5F, -.4F}, {0, -.8F}, {.5F, -.4F}, {.4F, .3F}, {-.2F, .8F}},
}};
constexpr std::size_t kSegments = 8;

// [10, 8, 4]: x and y of both ends of each digit's segments; short digits repeat their last one.
at::Tensor segments() {
  std::vector<float> ends;
  for (const auto& stroke : kStrokes) {
    for (std::size_t i = 0; i < kSegments; ++i) {
      const std::size_t from = std::min(i, stroke.size() - 2);
      ends.insert(ends.end(), {stroke[from].x, stroke[from].y, stroke[from + 1].x, stroke[from + 1].y});
    }
  }
  return at::tensor(ends).view({10, static_cast<std::int64_t>(kSegments), 4});
}

// [kEdge * kEdge, 2]: the centres of the pixels, from -1 to 1.
at::Tensor pixel_centres() {
  const auto line = (at::arange(kEdge, at::kFloat) + 0.5) * (2.0 / kEdge) - 1.0;
  const auto y = line.view({kEdge, 1}).expand({kEdge, kEdge});
  const auto x = line.view({1, kEdge}).expand({kEdge, kEdge});
  return at::stack({x, y}, -1).reshape({-1, 2});
}

// How each image differs from its digit. Drawn on the CPU, whose generator is the same everywhere.
struct Warps {
  at::Tensor matrix;  // [n, 2, 2]: from the page to the digit's square
  at::Tensor shift;   // [n, 1, 2]
  at::Tensor pen;     // [n, 1]: half the width of the line
};

Warps draw_warps(std::int64_t n, at::Generator& generator) {
  const auto uniform = [&](double low, double high) { return at::rand({n}, generator) * (high - low) + low; };
  const auto angle = uniform(-0.35, 0.35);
  const auto scale_x = uniform(0.6, 1.05).reciprocal();
  const auto scale_y = uniform(0.7, 1.05).reciprocal();
  const auto shear = uniform(-0.35, 0.35);
  const auto cosine = angle.cos();
  const auto sine = angle.sin();
  const auto first = at::stack({scale_x * (cosine + shear * sine), scale_x * (shear * cosine - sine)}, -1);
  const auto second = at::stack({scale_y * sine, scale_y * cosine}, -1);
  const auto shift = at::stack({uniform(-0.2, 0.2), uniform(-0.15, 0.15)}, -1);
  return {at::stack({first, second}, 1), shift.view({n, 1, 2}), uniform(0.07, 0.16).view({n, 1})};
}

// [n, kEdge * kEdge]: ink where a pixel is nearer to a segment than the pen is wide, with a soft edge.
at::Tensor draw(const at::Tensor& ends, const at::Tensor& centres, const Warps& warps) {
  const auto points = at::matmul(centres.unsqueeze(0) - warps.shift, warps.matrix.transpose(1, 2)).unsqueeze(2);
  const auto from = ends.slice(-1, 0, 2).unsqueeze(1);          // [n, 1, 8, 2]
  const auto along = ends.slice(-1, 2, 4).unsqueeze(1) - from;  // [n, 1, 8, 2]
  const auto length2 = along.square().sum(-1);                  // [n, 1, 8]
  const auto at_share = (((points - from) * along).sum(-1) / length2).clamp(0, 1);
  const auto distance2 = (points - from - at_share.unsqueeze(-1) * along).square().sum(-1);
  return ((warps.pen - distance2.amin(-1).sqrt()) * 25).sigmoid();
}

}  // namespace

Images make_images(std::int64_t n, std::uint64_t seed, torch::Device device) {
  constexpr std::int64_t kChunk = 512;  // images at a time: the distances of all pixels to all segments take memory
  constexpr double kNoise = 0.15;
  auto generator = at::detail::createCPUGenerator(seed);
  const auto all_segments = segments().to(device);
  const auto centres = pixel_centres().to(device);
  const auto labels = at::randint(10, {n}, generator, at::kLong);
  const auto pixels = at::empty({n, 1, kEdge, kEdge}, at::TensorOptions(device).dtype(at::kFloat));
  for (std::int64_t begin = 0; begin < n; begin += kChunk) {
    const std::int64_t end = std::min(begin + kChunk, n);
    Warps warps = draw_warps(end - begin, generator);
    warps = {warps.matrix.to(device), warps.shift.to(device), warps.pen.to(device)};
    const auto noise = at::randn({end - begin, kEdge * kEdge}, generator) * kNoise;
    const auto ends = all_segments.index_select(0, labels.slice(0, begin, end).to(device));
    const auto ink = draw(ends, centres, warps) + noise.to(device);
    pixels.slice(0, begin, end).copy_(ink.view({end - begin, 1, kEdge, kEdge}));
  }
  return {pixels, labels.to(device)};
}

}  // namespace gpu_training
