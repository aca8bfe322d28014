#include "learn/plots.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "core/id.h"
#include "core/random.h"
#include "learn/gnuplot.h"

namespace tenure::learn {
namespace {

using testing::HasSubstr;
using testing::Not;

EvaluationReport make_example(std::vector<FeatureImportance> importance) {
  core::Random random(11);
  std::vector<std::uint8_t> labels;
  std::vector<double> scores;
  for (int i = 0; i < 2000; ++i) {
    const double p = std::min(0.97, random.gamma(1.2, 0.2));
    scores.push_back(p);
    labels.push_back(random.bernoulli(p) ? 1 : 0);
  }
  return make_report(labels, scores, 0.5, std::move(importance)).value();
}

TEST(GnuplotQuote, LeavesNoWayOutOfTheString) {
  EXPECT_EQ(gnuplot_quote("plain"), "'plain'");
  EXPECT_EQ(gnuplot_quote("it's"), "'it''s'");
  EXPECT_EQ(gnuplot_quote("a\nset output '/x'\n`ls`\t\\"), "'a set output ''/x'' `ls` \\'");
  EXPECT_EQ(gnuplot_quote("αβγδ", 2), "'αβ…'");
  EXPECT_EQ(gnuplot_quote("\xF0\x9F"), "'\xF0\x9F'");
}

TEST(EvaluationReport, GathersCurvesDecilesAndImportance) {
  const EvaluationReport report = make_example({{.name = "tenure", .share = 1}});
  EXPECT_LE(report.roc.size(), EvaluationReport::kCurvePointsMax);
  EXPECT_EQ(report.roc.back().x, 1);
  EXPECT_EQ(report.deciles.size(), 10U);
  EXPECT_DOUBLE_EQ(report.deciles.back().cumulative_gain, 1);
  EXPECT_NEAR(report.deciles.front().lift, report.evaluation.top_decile_lift, 1e-12);
  std::int64_t rows = 0;
  for (const Decile& decile : report.deciles) rows += decile.rows;
  EXPECT_EQ(rows, 2000);
  const core::Json json = report.to_json();
  EXPECT_EQ(json.at("importance").at(0).at("name").as_string(), "tenure");
  EXPECT_TRUE(json.at("roc").at(0).at(2).is_double());
  EXPECT_FALSE(make_report({}, {}, 0.5, {}).has_value());
}

TEST(WritePlots, DrawsFiveFilesAndTakesNamesAsText) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("plots_test_" + core::random_hex_id());
  const EvaluationReport report =
      make_example({{.name = "Contract", .share = 0.6},
                    {.name = "it's `id` <script>alert(1)</script>", .share = 0.3},
                    {.name = "x\nset output 'stolen.svg'\nplot x", .share = 0.1}});
  const auto plots = write_plots(report, {.model = "telco <v3> & co"}, folder);
  ASSERT_TRUE(plots.has_value()) << plots.error().message;
  if (plots->files.empty()) {
    EXPECT_THAT(plots->note, HasSubstr("gnuplot"));
    std::filesystem::remove_all(folder);
    GTEST_SKIP() << plots->note;
  }
  EXPECT_EQ(plots->files.size(), 5U);
  for (const auto& file : plots->files) {
    const std::string svg = core::read_file(file).value();
    EXPECT_THAT(svg, HasSubstr("</svg>")) << file;
    EXPECT_THAT(svg, Not(HasSubstr("<script>"))) << file;
    EXPECT_THAT(svg, Not(HasSubstr("<v3>"))) << file;
  }
  const std::string roc = core::read_file(plots->files.front()).value();
  EXPECT_THAT(roc, HasSubstr(fmt::format("AUC {:.3f}", report.evaluation.auc)));
  // Nothing but the plots is left behind.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder),
                          std::filesystem::directory_iterator()),
            5);
  std::filesystem::remove_all(folder);
}

TEST(WritePlots, DrawsTheProfitCurveWithItsBandWhereThereIsOne) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("plots_test_" + core::random_hex_id());
  EvaluationReport report = make_example({});
  for (int i = 0; i <= 20; ++i) {
    const double share = i / 20.0;
    const double profit = 40 * share - 45 * share * share;
    report.profit.points.push_back({share, profit, profit - 2 * share, profit + 2 * share});
  }
  report.profit.best = 9;
  report.profit.best_threshold = 0.31;
  const auto plots = write_plots(report, {}, folder);
  ASSERT_TRUE(plots.has_value()) << plots.error().message;
  if (plots->files.empty()) {
    std::filesystem::remove_all(folder);
    GTEST_SKIP() << plots->note;
  }
  ASSERT_EQ(plots->files.back().filename(), "profit.svg");
  const std::string svg = core::read_file(plots->files.back()).value();
  EXPECT_THAT(svg, HasSubstr("</svg>"));
  EXPECT_THAT(svg, HasSubstr("Profit   8.89 a customer"));
  EXPECT_THAT(svg, HasSubstr("the likeliest 45 %, from probability 0.310 on; everybody: -5.00"));
  EXPECT_THAT(svg, HasSubstr("likeliest first"));
  // Nobody is worth it: the plot says so and has its point at the left.
  for (auto& point : report.profit.points)
    point = {point.share, -point.share, -2 * point.share, -0.5 * point.share};
  report.profit.best = 0;
  report.profit.best_threshold = std::numeric_limits<double>::infinity();
  ASSERT_TRUE(write_plots(report, {}, folder).has_value());
  EXPECT_THAT(core::read_file(folder / "profit.svg").value(),
              HasSubstr("nobody is worth contacting"));
  std::filesystem::remove_all(folder);
}

TEST(RunGnuplot, GivesTheProgramsOwnWordsWhenAScriptFails) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("plots_test_" + core::random_hex_id());
  const auto result = run_gnuplot(folder, "plot $nothing_of_that_name\n");
  if (!result) {
    EXPECT_EQ(result.error().code, core::ErrorCode::kUnavailable);
    EXPECT_THAT(result.error().message, HasSubstr("nothing_of_that_name"));
  } else {
    EXPECT_EQ(*result, GnuplotOutcome::kNotInstalled);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tenure::learn
