#include "learn/preset_selection.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"

namespace tenure::learn {
namespace {

std::vector<std::uint8_t> labels_of(std::size_t rows, std::size_t positives) {
  std::vector<std::uint8_t> labels(rows);
  std::fill_n(labels.begin(), positives, std::uint8_t{1});
  return labels;
}

TEST(Presets, CallRowsManyWhenBothClassesHaveEnough) {
  EXPECT_FALSE(has_many_rows(labels_of(20'000, 10'000)));
  EXPECT_TRUE(has_many_rows(labels_of(20'001, 2'000)));
  EXPECT_FALSE(has_many_rows(labels_of(20'001, 1'999)));
  EXPECT_TRUE(has_many_rows(labels_of(20'001, 18'001)));
  EXPECT_FALSE(has_many_rows(labels_of(20'001, 18'002)));
  EXPECT_FALSE(has_many_rows({}));
}

TEST(Presets, TakeLargerStepsOnManyRows) {
  for (const Preset& preset : presets()) {
    EXPECT_EQ(auto_params(preset, labels_of(1'000, 300)), preset.params) << preset.name;
    auto many = auto_params(preset, labels_of(50'000, 5'000));
    EXPECT_GE(std::stod(many.at("eta")), std::stod(preset.params.at("eta"))) << preset.name;
    many["eta"] = preset.params.at("eta");
    EXPECT_EQ(many, preset.params) << preset.name;
  }
}

/// Rows whose label depends on the product of two numbers, or on their sum.
struct Points {
  data::Table table;
  std::vector<std::uint8_t> labels;

  Points(std::size_t rows, bool is_product) {
    core::Random random(5);
    std::vector<double> x(rows), y(rows);
    for (std::size_t row = 0; row < rows; ++row) {
      x[row] = random.uniform() * 2 - 1;
      y[row] = random.uniform() * 2 - 1;
      const double score = is_product ? x[row] * y[row] : x[row] + y[row];
      labels.push_back(random.bernoulli(score > 0 ? 0.9 : 0.1) ? 1 : 0);
    }
    for (auto& [name, values] : {std::pair{"x", &x}, std::pair{"y", &y}}) {
      data::Column column;
      column.name = name;
      column.type = data::ColumnType::kNumber;
      column.values = *values;
      table.columns.push_back(std::move(column));
    }
  }
};

struct Chosen {
  std::string name;
  std::int64_t done = 0, total = 0;
  bool is_monotonic = true;
};

Chosen choose(const Points& points) {
  TrainSpec spec;
  spec.rounds = 30;
  spec.threads = 2;
  const std::vector<InputField> inputs = {{"x", data::ColumnType::kNumber},
                                          {"y", data::ColumnType::kNumber}};
  const auto folds = InnerFolds::make(points.table, points.labels, 3, spec.seed).value();
  // With a part of two columns no tree would see both.
  Chosen chosen;
  auto preset = select_preset(spec, {.transform = spec.transform, .inputs = inputs},
                              {{"colsample_bytree", "1"}}, folds, has_many_rows(points.labels),
                              [&](std::int64_t done, std::int64_t total, double) {
                                chosen.is_monotonic &= done >= chosen.done && done <= total;
                                chosen.done = done;
                                chosen.total = total;
                                return true;
                              });
  EXPECT_TRUE(preset.has_value());
  if (preset) chosen.name = (*preset)->name;
  return chosen;
}

TEST(PresetSelection, NeverChoosesOneSplitATreeForAProduct) {
  for (const std::size_t rows : {std::size_t{3'000}, std::size_t{22'000}})
    EXPECT_NE(choose(Points(rows, true)).name, "stumps") << rows;
}

TEST(PresetSelection, TriesClearlyWorsePresetsOnOneFoldOnlyWhenThereAreManyRows) {
  // Thirty rounds a fit: all four presets on three folds, or fewer.
  EXPECT_EQ(choose(Points(3'000, true)).done, 4 * 3 * 30);
  const Chosen many = choose(Points(22'000, true));
  EXPECT_LT(many.done, 4 * 3 * 30);
  EXPECT_GE(many.done, 4 * 30);
  EXPECT_TRUE(many.is_monotonic);
}

}  // namespace
}  // namespace tenure::learn
