#include "learn/plots.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "learn/gnuplot.h"

namespace tenure::learn {
namespace {

// One palette for all plots, of enough contrast on white for print and for colour-blind readers.
constexpr std::string_view kInk = "#1f2937";
constexpr std::string_view kQuiet = "#6b7280";
constexpr std::string_view kGrid = "#e5e7eb";
constexpr std::string_view kMain = "#2563eb";
constexpr std::string_view kTint = "#dbeafe";
constexpr std::string_view kAccent = "#ea580c";

constexpr std::size_t kFeaturesShown = 15;
constexpr std::size_t kNameLetters = 28;

/// "12,345"
std::string with_commas(std::int64_t number) {
  std::string text = fmt::format("{}", number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

std::string percent(double share) {
  return fmt::format("{:.1f} %", share * 100);
}

/// The start of each plot: canvas, title and subtitle at the left, model at the right, quiet axes.
std::string head(const std::filesystem::path& file, const std::string& title,
                 const std::string& subtitle, const PlotWords& words, int height = 480) {
  std::string script = "reset\nset encoding utf8\n";
  script += fmt::format(
      "set terminal svg size 640,{} font 'DejaVu Sans,Helvetica,Arial,sans-serif,12' "
      "background '#ffffff' noenhanced dashed\n",
      height);
  script += fmt::format("set output {}\n", gnuplot_quote(file.string(), 4096));
  const auto below = [&](double pixels) { return 1 - pixels / height; };
  script += fmt::format("set label 101 {} at screen 0.03,{} font ',17' tc rgb '{}'\n",
                        gnuplot_quote(title, 60), below(26), kInk);
  script += fmt::format("set label 102 {} at screen 0.03,{} font ',11' tc rgb '{}'\n",
                        gnuplot_quote(subtitle, 110), below(48), kQuiet);
  if (!words.model.empty())
    script += fmt::format("set label 103 {} at screen 0.97,{} right font ',11' tc rgb '{}'\n",
                          gnuplot_quote(words.model, 30), below(26), kQuiet);
  script += fmt::format("set tmargin at screen {}\n", below(70));
  script += fmt::format(
      "set border 3 lc rgb '{}'\nset grid lc rgb '{}' lw 1 dt 1\nset tics nomirror scale 0 tc rgb "
      "'{}'\nset xlabel tc rgb '{}'\nset ylabel tc rgb '{}'\nunset key\n",
      kGrid, kGrid, kQuiet, kInk, kInk);
  return script;
}

/// Both axes from 0 to 1.
std::string unit_square() {
  return "set xrange [0:1]\nset yrange [0:1.005]\nset xtics 0.2\nset ytics 0.2\nset format '%.1f'\n"
         "set lmargin at screen 0.11\nset rmargin at screen 0.96\nset bmargin at screen 0.13\n";
}

std::string curve_block(const char* name, const std::vector<CurvePoint>& points) {
  std::string block = fmt::format("${} << EOD\n", name);
  for (const CurvePoint& point : points)
    block += fmt::format("{} {} {}\n", point.x, point.y,
                         std::isfinite(point.threshold) ? point.threshold : 1.0);
  return block + "EOD\n";
}

/// The point of a curve where the threshold of the decision is reached.
std::string mark(double x, double y, double threshold, bool is_label_below) {
  return fmt::format(
      "set label 104 {} at {},{} point pt 7 ps 1.1 lc rgb '{}' {} tc rgb '{}' font ',11' front\n",
      gnuplot_quote(fmt::format("threshold {:.2f}", threshold)), x, y, kAccent,
      is_label_below ? "offset 1.2,-0.9" : "left offset 1.2,0.7", kAccent);
}

std::string roc_plot(const EvaluationReport& report, const PlotWords& words,
                     const std::filesystem::path& file) {
  const Evaluation& e = report.evaluation;
  std::string script = head(
      file, fmt::format("ROC curve   AUC {:.3f}", e.auc),
      fmt::format("{} rows, {} of them {} ({})   KS {:.3f}", with_commas(e.rows),
                  with_commas(e.positives), words.positive,
                  percent(static_cast<double>(e.positives) / static_cast<double>(e.rows)), e.ks),
      words);
  script += unit_square() + curve_block("curve", report.roc);
  script += "set xlabel 'False positive rate'\nset ylabel 'True positive rate (recall)'\n";
  const double false_rate = 1 - (2 * e.confusion.balanced_accuracy() - e.confusion.recall());
  script += mark(false_rate, e.confusion.recall(), e.threshold, true);
  script += fmt::format(
      "plot $curve using 1:2 with filledcurves y1=0 fs solid noborder fc rgb '{}', "
      "x with lines dt (6,6) lw 1.2 lc rgb '{}', "
      "$curve using 1:2 with lines lw 2.6 lc rgb '{}'\n",
      kTint, kQuiet, kMain);
  return script;
}

std::string precision_recall_plot(const EvaluationReport& report, const PlotWords& words,
                                  const std::filesystem::path& file) {
  const Evaluation& e = report.evaluation;
  const double rate = static_cast<double>(e.positives) / static_cast<double>(e.rows);
  std::string script =
      head(file, fmt::format("Precision and recall   AP {:.3f}", e.average_precision),
           fmt::format("dashed: base rate {}   lift of the top tenth {:.2f}", percent(rate),
                       e.top_decile_lift),
           words);
  script += unit_square() + curve_block("curve", report.precision_recall);
  script += "set xlabel 'Recall'\nset ylabel 'Precision'\n";
  script += mark(e.confusion.recall(), e.confusion.precision(), e.threshold, false);
  script += fmt::format(
      "plot $curve using 1:2 with filledcurves y1=0 fs solid noborder fc rgb '{}', "
      "{} with lines dt (6,6) lw 1.2 lc rgb '{}', "
      "$curve using 1:2 with lines lw 2.6 lc rgb '{}'\n",
      kTint, rate, kQuiet, kMain);
  return script;
}

std::string calibration_plot(const EvaluationReport& report, const PlotWords& words,
                             const std::filesystem::path& file) {
  const Evaluation& e = report.evaluation;
  std::string script =
      head(file, fmt::format("Calibration   ECE {:.3f}", e.ece),
           fmt::format("Brier {:.3f}   log loss {:.3f}   bars: share of rows in each tenth of "
                       "the scale",
                       e.brier, e.log_loss),
           words);
  script += unit_square() + curve_block("curve", report.calibration);
  script += "$bins << EOD\n";
  for (const CurvePoint& point : report.calibration)
    script += fmt::format("{} {}\n", std::clamp(std::ceil(point.x * 10) - 0.5, 0.5, 9.5) / 10,
                          point.threshold / static_cast<double>(e.rows));
  script += "EOD\nset boxwidth 0.088\n";
  script += fmt::format("set xlabel {}\n",
                        gnuplot_quote("Predicted probability of " + words.positive, 60));
  script += "set ylabel 'Observed share'\n";
  script += fmt::format(
      "plot $bins using 1:2 with boxes fs solid noborder fc rgb '{}', "
      "x with lines dt (6,6) lw 1.2 lc rgb '{}', "
      "$curve using 1:2 with linespoints lw 2.2 pt 7 ps 0.8 lc rgb '{}'\n",
      kTint, kQuiet, kMain);
  return script;
}

/// A shade between white and the main colour.
std::string shade(double strength) {
  const auto mix = [&](int full) {
    return static_cast<int>(std::lround(255 + (full - 255) * std::clamp(strength, 0.0, 1.0)));
  };
  return fmt::format("#{:02x}{:02x}{:02x}", mix(0x25), mix(0x63), mix(0xeb));
}

std::string confusion_plot(const EvaluationReport& report, const PlotWords& words,
                           const std::filesystem::path& file) {
  const Evaluation& e = report.evaluation;
  const Confusion& c = e.confusion;
  std::string script =
      head(file, fmt::format("Decisions at {:.2f}   F1 {:.3f}", e.threshold, c.f1()),
           fmt::format("precision {:.3f}   recall {:.3f}   accuracy {:.3f}   share of each row "
                       "below the count",
                       c.precision(), c.recall(), c.accuracy()),
           words);
  const std::string negative = gnuplot_quote(words.negative, 16);
  const std::string positive = gnuplot_quote(words.positive, 16);
  script += "unset grid\nunset border\nset xrange [0:2]\nset yrange [0:2]\n";
  script += "set lmargin at screen 0.2\nset rmargin at screen 0.95\nset bmargin at screen 0.14\n";
  script +=
      fmt::format("set xtics ({} 0.5, {} 1.5) font ',13' tc rgb '{}'\n", negative, positive, kInk);
  script +=
      fmt::format("set ytics ({} 1.5, {} 0.5) font ',13' tc rgb '{}'\n", negative, positive, kInk);
  script += "set xlabel 'Decision'\nset ylabel 'Outcome' offset -1,0\n";
  struct Box {
    int column, row;
    std::int64_t count, whole;
  };
  const std::int64_t negatives = c.true_negative + c.false_positive;
  const std::int64_t positives = c.true_positive + c.false_negative;
  int id = 1;
  for (const Box& box :
       {Box{0, 1, c.true_negative, negatives}, Box{1, 1, c.false_positive, negatives},
        Box{0, 0, c.false_negative, positives}, Box{1, 0, c.true_positive, positives}}) {
    const double share =
        box.whole == 0 ? 0 : static_cast<double>(box.count) / static_cast<double>(box.whole);
    const std::string_view text = share > 0.65 ? "#ffffff" : kInk;
    script +=
        fmt::format("set object {} rect from {},{} to {},{} fs solid noborder fc rgb '{}' behind\n",
                    id, box.column + 0.015, box.row + 0.02, box.column + 0.985, box.row + 0.98,
                    shade(0.06 + 0.94 * share));
    script += fmt::format("set label {} '{}' at {},{} center font ',22' tc rgb '{}' front\n", id,
                          with_commas(box.count), box.column + 0.5, box.row + 0.55, text);
    script += fmt::format("set label {} '{}' at {},{} center font ',12' tc rgb '{}' front\n",
                          id + 10, percent(share), box.column + 0.5, box.row + 0.36, text);
    ++id;
  }
  return script + "plot NaN\n";
}

std::string importance_plot(const EvaluationReport& report, const PlotWords& words,
                            const std::filesystem::path& file) {
  const std::size_t shown = std::min(report.importance.size(), kFeaturesShown);
  const int height = 130 + 26 * static_cast<int>(std::max<std::size_t>(shown, 4));
  std::string script = head(
      file, "Feature importance",
      fmt::format("share of the total gain{}", shown < report.importance.size()
                                                   ? fmt::format(", the first {} of {} features",
                                                                 shown, report.importance.size())
                                                   : ""),
      words, height);
  const double longest = std::max(report.importance.front().share, 1e-9);
  script += fmt::format("set xrange [0:{}]\nset yrange [-0.6:{}]\n", longest * 1.14,
                        static_cast<double>(shown) - 0.4);
  script += fmt::format(
      "set lmargin at screen 0.33\nset rmargin at screen 0.96\nset bmargin at screen {}\n",
      40.0 / height);
  script += "unset xtics\nunset grid\nunset border\n";
  std::string names;
  for (std::size_t i = 0; i < shown; ++i) {
    const FeatureImportance& feature = report.importance[i];
    const double y = static_cast<double>(shown - 1 - i);
    names +=
        fmt::format("{}{} {}", i == 0 ? "" : ", ", gnuplot_quote(feature.name, kNameLetters), y);
    script += fmt::format(
        "set object {} rect from 0,{} to {},{} fs solid noborder fc rgb '{}' behind\n", i + 1,
        y - 0.34, std::max(feature.share, longest * 0.002), y + 0.34, i == 0 ? kMain : "#93b4f5");
    script += fmt::format("set label {} '{}' at {},{} left offset 0.6,0 font ',11' tc rgb '{}'\n",
                          i + 1, percent(feature.share), feature.share, y, kQuiet);
  }
  script += fmt::format("set ytics ({}) font ',12' tc rgb '{}'\n", names, kInk);
  return script + "plot NaN\n";
}

/// Profit a customer by the share contacted, with its band, and where it is best.
std::string profit_plot(const EvaluationReport& report, const PlotWords& words,
                        const std::filesystem::path& file) {
  const ProfitCurve& curve = report.profit;
  const ProfitCurve::Point& best = curve.points[curve.best];
  std::string script =
      head(file, fmt::format("Profit   {:.2f} a customer", best.profit),
           (best.share > 0 ? fmt::format("best: the likeliest {:.0f} %, from probability {:.3f} on",
                                         100 * best.share, curve.best_threshold)
                           : std::string("nobody is worth contacting")) +
               fmt::format("; everybody: {:.2f}; band: nine in ten such samples",
                           curve.points.back().profit),
           words);
  double low = 0, high = 0;
  script += "$curve << EOD\n";
  for (const ProfitCurve::Point& point : curve.points) {
    script += fmt::format("{} {} {} {}\n", point.share, point.profit, point.low, point.high);
    low = std::min({low, point.low, point.profit});
    high = std::max({high, point.high, point.profit});
  }
  script += "EOD\n";
  const double room = std::max((high - low) * 0.06, 1e-9);
  script +=
      fmt::format("set xrange [0:1]\nset yrange [{}:{}]\n", low < 0 ? low - room : 0, high + room);
  script +=
      "set xtics ('0 %%' 0, '20 %%' 0.2, '40 %%' 0.4, '60 %%' 0.6, '80 %%' 0.8, '100 %%' 1)\n"
      "set lmargin at screen 0.13\nset rmargin at screen 0.96\nset bmargin at screen 0.13\n";
  script += "set xlabel 'Share of customers contacted, likeliest first'\n";
  script += "set ylabel 'Profit per customer'\n";
  script += fmt::format(
      "set label 104 {} at {},{} point pt 7 ps 1.1 lc rgb '{}' {} offset {},1.1 tc rgb '{}' font "
      "',11' front\n",
      gnuplot_quote(fmt::format("{:.0f} %: {:.2f}", 100 * best.share, best.profit)), best.share,
      best.profit, kAccent, best.share > 0.8 ? "right" : "left", best.share > 0.8 ? -0.6 : 0.6,
      kAccent);
  script += fmt::format(
      "plot $curve using 1:3:4 with filledcurves fs solid noborder fc rgb '{}', "
      "0 with lines dt (6,6) lw 1.2 lc rgb '{}', "
      "$curve using 1:2 with lines lw 2.6 lc rgb '{}'\n",
      kTint, kQuiet, kMain);
  return script;
}

}  // namespace

core::Result<PlotFiles> write_plots(const EvaluationReport& report, const PlotWords& words,
                                    const std::filesystem::path& folder) {
  PlotFiles result;
  std::string script;
  const auto add = [&](const char* name, auto plot) {
    result.files.push_back(folder / name);
    script += plot(report, words, result.files.back());
  };
  add("roc.svg", roc_plot);
  add("precision_recall.svg", precision_recall_plot);
  add("calibration.svg", calibration_plot);
  add("confusion_matrix.svg", confusion_plot);
  if (!report.importance.empty()) add("feature_importance.svg", importance_plot);
  if (!report.profit.points.empty()) add("profit.svg", profit_plot);
  // Closes the last file.
  script += "set output\n";

  auto outcome = run_gnuplot(folder, script);
  if (!outcome) {
    std::error_code ignored;
    for (const auto& file : result.files) std::filesystem::remove(file, ignored);
    return std::move(outcome).error();
  }
  if (*outcome == GnuplotOutcome::kNotInstalled)
    return PlotFiles{.files = {},
                     .note =
                         "no plots were drawn: the program gnuplot is not installed (apt "
                         "install gnuplot-nox)"};
  return result;
}

}  // namespace tenure::learn
