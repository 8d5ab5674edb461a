// SPDX-License-Identifier: MIT
// A picture of what a Gaussian process knows: one parameter, a few trials, what is predicted between them, how sure
// that is, and where the next trial pays most. Writes an SVG file: gp_picture [FILE] [TRIALS] [SEED]. The picture of
// docs/gp.md is `gp_picture docs/images/gp.svg`.
#include "bluefin/bluefin.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr int kPoints = 401;  // of a curve

// A test function of the surrogate literature (Forrester, Sobester and Keane, 2008): flat on the left, a local minimum
// at 0.14 and the global one, -6.02, at 0.757.
double forrester(double x) { return std::pow(6 * x - 2, 2) * std::sin(12 * x - 4); }

// A part of the picture: numbers to pixels.
struct Panel {
  double top, bottom;  // pixels
  double low, high;    // values at the bottom and at the top
  static constexpr double kLeft = 62, kRight = 776;

  double x(double value) const { return kLeft + (kRight - kLeft) * value; }
  double y(double value) const { return bottom - (bottom - top) * (std::clamp(value, low, high) - low) / (high - low); }
};

using Curve = std::vector<std::pair<double, double>>;

class Svg {
 public:
  Svg(int width, int height) {
    out_ << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " << width << ' ' << height << "\" width=\""
         << width << "\" height=\"" << height << "\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\">\n"
         << "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  }
  void line(double x1, double y1, double x2, double y2, const std::string& style) {
    out_ << "<line x1=\"" << x1 << "\" y1=\"" << y1 << "\" x2=\"" << x2 << "\" y2=\"" << y2 << "\" " << style << "/>\n";
  }
  void circle(double x, double y, double r, const std::string& style) {
    out_ << "<circle cx=\"" << x << "\" cy=\"" << y << "\" r=\"" << r << "\" " << style << "/>\n";
  }
  void rect(double x, double y, double width, double height, const std::string& style) {
    out_ << "<rect x=\"" << x << "\" y=\"" << y << "\" width=\"" << width << "\" height=\"" << height << "\" " << style
         << "/>\n";
  }
  void text(double x, double y, const std::string& words, const std::string& style) {
    out_ << "<text x=\"" << x << "\" y=\"" << y << "\" " << style << ">" << words << "</text>\n";
  }
  void curve(const Panel& panel, const Curve& points, const std::string& style, bool closed = false) {
    out_ << "<path d=\"M";
    for (const auto& [x, y] : points) {
      char pixels[64];
      std::snprintf(pixels, sizeof pixels, " %.1f,%.1f", panel.x(x), panel.y(y));
      out_ << pixels;
    }
    out_ << (closed ? " Z" : "") << "\" stroke-linejoin=\"round\" " << style << "/>\n";
  }
  std::string finish() {
    out_ << "</svg>\n";
    return out_.str();
  }

 private:
  std::ostringstream out_;
};

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

// Lines at round values: the largest step of 1, 2 or 5 times a power of ten that fits in three times.
void axis(Svg& svg, const Panel& panel, bool numbers_below) {
  const double range = panel.high - panel.low;
  const double power = std::pow(10, std::floor(std::log10(range)));
  double step = power;
  for (const double smaller : {0.5, 0.2, 0.1}) {
    if (range < 3 * step) step = smaller * power;
  }
  for (double value = std::ceil(panel.low / step) * step; value <= panel.high + 1e-9 * range; value += step) {
    svg.line(Panel::kLeft, panel.y(value), Panel::kRight, panel.y(value), "stroke=\"#e6e8ec\"");
    svg.text(Panel::kLeft - 8, panel.y(value) + 4.5, number(std::abs(value) < 1e-9 * range ? 0 : value),
             "text-anchor=\"end\" fill=\"#5b6470\"");
  }
  for (int i = 0; i <= 5; ++i) {
    const double x = panel.x(0.2 * i);
    svg.line(x, panel.bottom, x, panel.bottom + 5, "stroke=\"#9aa3ae\"");
    if (numbers_below) {
      svg.text(x, panel.bottom + 20, number(0.2 * i), "text-anchor=\"middle\" fill=\"#5b6470\"");
    }
  }
  svg.line(Panel::kLeft, panel.bottom, Panel::kRight, panel.bottom, "stroke=\"#9aa3ae\"");
}

std::string draw(const bluefin::Study& study, const bluefin::GpExplanation& fit) {
  Curve truth, mean, band, back, gain;
  for (int i = 0; i < kPoints; ++i) {
    const double x = static_cast<double>(i) / (kPoints - 1);
    const bluefin::GpPoint& point = fit.at[static_cast<std::size_t>(i)];
    const bluefin::GpPrediction& predicted = point.objectives[0];
    truth.emplace_back(x, forrester(x));
    mean.emplace_back(x, predicted.mean);
    band.emplace_back(x, predicted.high);
    back.emplace_back(x, predicted.low);
    gain.emplace_back(x, *point.expected_improvement);
  }
  band.insert(band.end(), back.rbegin(), back.rend());

  // Both panels as high as what is in them.
  Panel above{64, 336, 0, 0};
  for (const Curve* curve : {&truth, &band}) {
    for (const auto& [x, y] : *curve) {
      above.low = std::min(above.low, y);
      above.high = std::max(above.high, y);
    }
  }
  const double margin = 0.04 * (above.high - above.low);
  above.low -= margin;
  above.high += margin;
  const auto most = std::max_element(gain.begin(), gain.end(), [](auto a, auto b) { return a.second < b.second; });
  const Panel below{390, 508, 0, std::max(1.15 * most->second, 1e-12)};

  Svg svg(800, 560);
  svg.text(Panel::kLeft, 28, "What the Gaussian process knows after " + std::to_string(fit.n_complete) + " trials",
           "font-size=\"17\" font-weight=\"bold\" fill=\"#1f2933\"");
  axis(svg, above, false);
  axis(svg, below, true);

  svg.curve(above, band, "fill=\"#bcd6f2\" fill-opacity=\"0.75\"", true);
  svg.curve(above, truth, "fill=\"none\" stroke=\"#7b8794\" stroke-width=\"1.6\" stroke-dasharray=\"5 4\"");
  svg.curve(above, mean, "fill=\"none\" stroke=\"#1d62b3\" stroke-width=\"2.4\"");

  Curve filled = gain;
  filled.emplace_back(1.0, 0.0);
  filled.emplace_back(0.0, 0.0);
  svg.curve(below, filled, "fill=\"#f6c89a\" fill-opacity=\"0.8\"", true);
  svg.curve(below, gain, "fill=\"none\" stroke=\"#d9731a\" stroke-width=\"2\"");

  // Where the next trial goes, through both panels.
  const double next = std::get<double>(fit.suggestion.params[0].second);
  const std::string dashes = "stroke=\"#c2273d\" stroke-width=\"1.6\" stroke-dasharray=\"2 3\"";
  svg.line(above.x(next), above.top, above.x(next), below.bottom, dashes);
  const bool leftwards = next > 0.75;
  svg.text(above.x(next) + (leftwards ? -8 : 8), below.top - 16, "next trial: x = " + number(next),
           std::string("fill=\"#c2273d\" text-anchor=\"") + (leftwards ? "end\"" : "start\""));
  svg.circle(above.x(next), below.y(*fit.suggestion.expected_improvement), 4.5, "fill=\"#c2273d\"");

  for (const auto& trial : study.trials()) {
    const double x = trial->params[0].value;
    svg.circle(above.x(x), above.y(trial->values[0]), 5.5, "fill=\"#1f2933\" stroke=\"white\" stroke-width=\"1.5\"");
  }

  // The legend, in one line below the title.
  double x = Panel::kLeft;
  const auto entry = [&](const std::string& words, double width) {
    svg.text(x + 34, 52, words, "fill=\"#323f4b\"");
    x += 34 + width;
  };
  svg.circle(x + 14, 47.5, 5.5, "fill=\"#1f2933\"");
  entry("trials", 56);
  svg.line(x, 47.5, x + 28, 47.5, "stroke=\"#1d62b3\" stroke-width=\"2.4\"");
  entry("predicted mean", 114);
  svg.rect(x, 40.5, 28, 14, "fill=\"#bcd6f2\" fill-opacity=\"0.75\"");
  entry("2 standard deviations", 152);
  svg.line(x, 47.5, x + 28, 47.5, "stroke=\"#7b8794\" stroke-width=\"1.6\" stroke-dasharray=\"5 4\"");
  entry("the function itself", 0);

  const std::string name = "fill=\"#323f4b\" font-weight=\"bold\"";
  svg.text(Panel::kLeft, below.top - 16, next < 0.3 ? "" : "expected improvement", name);
  svg.text(0.5 * (Panel::kLeft + Panel::kRight), 548, "x", name + " text-anchor=\"middle\"");
  return svg.finish();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string file = argc > 1 ? argv[1] : "gp.svg";
  const int n_trials = argc > 2 ? std::atoi(argv[2]) : 6;
  const auto seed = static_cast<std::uint64_t>(argc > 3 ? std::atoll(argv[3]) : 2);
  if (n_trials < 2) {
    std::fprintf(stderr, "usage: gp_picture [FILE] [TRIALS] [SEED], at least 2 trials\n");
    return 2;
  }

  const auto sampler =
      bluefin::make_sampler(bluefin::GpOptions{.n_startup_trials = 4, .deterministic_objective = true});
  bluefin::Study study = bluefin::create_study({.sampler = sampler, .seed = seed});
  study.optimize([](bluefin::Trial& trial) { return forrester(trial.suggest_float("x", 0, 1)); },
                 {.n_trials = n_trials});

  // What the process says of every place, and of the next trial.
  bluefin::GpExplainOptions options;
  for (int i = 0; i < kPoints; ++i) options.at.push_back({{"x", static_cast<double>(i) / (kPoints - 1)}});
  const bluefin::GpExplanation fit = bluefin::explain_gp(study, options);

  const bluefin::GpProcess& process = fit.objectives[0];
  const bluefin::GpPrediction& next = fit.suggestion.objectives[0];
  std::printf("lengthscale of x: %.3g of its range, leave-one-out R2 %.2f\n", *process.params[0].lengthscale,
              process.loo_r2);
  std::printf("best: %.3f at x = %.3f\n", fit.best[0].values[0], std::get<double>(fit.best[0].params[0].second));
  std::printf("next: x = %.3f, predicted %.2f +- %.2f, expected improvement %.3f\n",
              std::get<double>(fit.suggestion.params[0].second), next.mean, next.sd,
              *fit.suggestion.expected_improvement);

  std::ofstream out(file);
  out << draw(study, fit);
  out.close();
  if (!out) {
    std::fprintf(stderr, "gp_picture: %s cannot be written\n", file.c_str());
    return 1;
  }
  std::printf("picture: %s\n", file.c_str());
}
