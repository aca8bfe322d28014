#include "learn/encoding_selection.h"

#include <cmath>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"

namespace tenure::learn {
namespace {

using testing::Contains;
using testing::Not;

/// Customers of 400 cities. Either each city has its own rate, or all of the rate is in the product
/// of a number with a few large cities.
struct Cities {
  data::Table table;
  std::vector<std::uint8_t> labels;
  std::vector<InputField> inputs = {{.name = "city", .type = data::ColumnType::kText},
                                    {.name = "usage", .type = data::ColumnType::kNumber}};

  Cities(std::size_t rows, std::size_t cities, bool is_interaction) {
    core::Random random(11);
    std::vector<double> effects;
    for (std::size_t i = 0; i < cities; ++i) effects.push_back(random.normal() * 1.5);
    std::vector<std::string> names;
    std::vector<double> usage;
    for (std::size_t row = 0; row < rows; ++row) {
      // Squared: the first cities are large.
      const double place = random.uniform() * random.uniform();
      const auto city = static_cast<std::size_t>(place * static_cast<double>(cities));
      names.push_back("c" + std::to_string(city));
      usage.push_back(random.normal());
      const double sign = city % 2 == 0 ? 1 : -1;
      const double odds = is_interaction ? (city < 8 ? 3 * sign * usage.back() : 0) : effects[city];
      labels.push_back(random.bernoulli(1 / (1 + std::exp(-odds))) ? 1 : 0);
    }
    table.columns = {data::Column::of_texts("city", names),
                     data::Column::of_numbers("usage", usage)};
  }
};

std::string chosen(const Cities& cities) {
  TrainSpec spec;
  spec.rounds = 150;
  spec.threads = 2;
  const auto folds = InnerFolds::make(cities.table, cities.labels, 3, spec.seed).value();
  std::int64_t latest = 0;
  auto encoding = select_encoding(spec, cities.inputs, {}, *find_preset("light").value(), folds,
                                  [&](std::int64_t done, std::int64_t total, double) {
                                    EXPECT_GE(done, latest);
                                    EXPECT_LE(done, total);
                                    latest = done;
                                    return true;
                                  });
  return encoding ? *encoding : encoding.error().message;
}

TEST(EncodingSelection, TakesMeansWhereEachOfManyCitiesHasItsRate) {
  EXPECT_EQ(chosen(Cities(6'000, 400, false)), "target");
}

TEST(EncodingSelection, TakesColumnsWhereOnlySomeCitiesMatterAndNotByTheirMean) {
  EXPECT_EQ(chosen(Cities(6'000, 60, true)), "onehot");
}

TEST(EncodingSelection, IsForTablesWithALongCategory) {
  const Cities few(500, 20, false), many(500, 200, false);
  EXPECT_FALSE(has_long_category(few.inputs, few.table));
  EXPECT_TRUE(has_long_category(many.inputs, many.table));
  // Numbers are long, but no categories, unless the features say so.
  EXPECT_FALSE(has_long_category(std::span(many.inputs).subspan(1), many.table));
  const std::vector<InputField> coded = {{.name = "usage", .type = data::ColumnType::kText}};
  EXPECT_TRUE(has_long_category(coded, many.table));
}

TEST(Train, ComparesEncodingsOnlyWhereTheyDiffer) {
  const auto phases_of = [](const Cities& cities, const std::string& encode) {
    TrainSpec spec;
    spec.preset = "light";
    spec.rounds = 40;
    spec.folds = 3;
    spec.threads = 2;
    spec.transform.encode = encode;
    std::set<std::string> seen;
    auto training =
        train(spec, cities.inputs, cities.table, cities.labels, [&](const TrainProgress& progress) {
          seen.insert(progress.phase);
          return true;
        });
    seen.insert(training ? training->encoding : training.error().message);
    return seen;
  };
  const Cities few(1'000, 20, false), many(1'000, 200, false);
  EXPECT_THAT(phases_of(few, "auto"), Not(Contains("choosing an encoding")));
  EXPECT_THAT(phases_of(few, "auto"), Contains("onehot"));
  EXPECT_THAT(phases_of(many, "auto"), Contains("choosing an encoding"));
  EXPECT_THAT(phases_of(many, "target"), Not(Contains("choosing an encoding")));
  EXPECT_THAT(phases_of(many, "target"), Contains("target"));
}

// A category of five rows each tells nothing of random labels; a mean that had seen its row's label
// would tell a lot.
TEST(Train, FindsNothingInRandomLabelsOfLongCategories) {
  Cities cities(4'000, 800, false);
  core::Random random(6);
  for (auto& label : cities.labels) label = random.bernoulli(0.3) ? 1 : 0;
  TrainSpec spec;
  spec.preset = "deep";
  spec.rounds = 60;
  spec.folds = 3;
  spec.early_stopping_rounds = 10;
  spec.transform.encode = "target";
  const auto training = train(spec, cities.inputs, cities.table, cities.labels);
  ASSERT_TRUE(training.has_value()) << training.error().message;
  EXPECT_NEAR(training->cross_validation.auc_mean, 0.5, 0.035);
}

}  // namespace
}  // namespace tenure::learn
