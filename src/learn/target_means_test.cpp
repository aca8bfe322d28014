#include "learn/target_means.h"

#include <cmath>
#include <numeric>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "learn/transform.h"

namespace tenure::learn {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pointwise;

constexpr std::uint32_t kMissing = TargetMeans::kMissing;

// Values A A B B B C A B, worked out by hand.
const std::vector<std::uint32_t> kCodes = {0, 0, 1, 1, 1, 2, 0, 1};
const std::vector<std::uint8_t> kLabels = {1, 0, 1, 1, 0, 1, 1, 0};

TEST(TargetMeans, AreDrawnTowardsTheShareOfAllRows) {
  const TargetMeans means = fit_target_means(kCodes, 3, kLabels, 2.0);
  EXPECT_THAT(means.means, Pointwise(DoubleNear(1e-6), {0.65, 0.541667, 0.75}));
  EXPECT_DOUBLE_EQ(means.prior, 0.625);
  EXPECT_DOUBLE_EQ(means.of(7), 0.625);
  EXPECT_DOUBLE_EQ(means.of(kMissing), 0.625);
}

TEST(TargetMeans, OfARowComeFromTheOtherParts) {
  std::vector<std::uint32_t> parity(kCodes.size());
  for (std::size_t row = 0; row < parity.size(); ++row)
    parity[row] = static_cast<std::uint32_t>(row % 2);
  EXPECT_THAT(
      means_out_of_fold(kCodes, 3, kLabels, parity, 2.0),
      Pointwise(DoubleNear(1e-6), {0.333333, 0.875, 0.5, 0.625, 0.5, 0.75, 0.333333, 0.625}));
}

TEST(TargetMeans, GiveMissingValuesTheirOwn) {
  const std::vector<std::uint32_t> codes = {0, 0, 0, 0, kMissing, kMissing, 9, 9};
  const std::vector<std::uint8_t> labels = {0, 0, 0, 1, 1, 1, 1, 1};
  const TargetMeans means = fit_target_means(codes, 1, labels, 1.0);
  EXPECT_DOUBLE_EQ(means.prior, 0.625);
  EXPECT_DOUBLE_EQ(means.of(kMissing), (2 + 0.625) / 3);
  EXPECT_DOUBLE_EQ(means.of(9), 0.625);  // beyond the dictionary
}

/// 200 categories of 50 rows; the log odds of each has the deviation `spread`.
TargetMeans fit_spread(double spread) {
  core::Random random(8);
  std::vector<std::uint32_t> codes;
  std::vector<std::uint8_t> labels;
  for (std::uint32_t code = 0; code < 200; ++code) {
    const double share = 1 / (1 + std::exp(1 - spread * random.normal()));
    for (int i = 0; i < 50; ++i) {
      codes.push_back(code);
      labels.push_back(random.bernoulli(share) ? 1 : 0);
    }
  }
  return fit_target_means(codes, 200, labels);
}

double deviation_of(const TargetMeans& means) {
  double squares = 0;
  for (const double mean : means.means) squares += (mean - means.prior) * (mean - means.prior);
  return std::sqrt(squares / static_cast<double>(means.means.size()));
}

TEST(TargetMeans, BelieveCategoriesAsFarAsTheyDiffer) {
  // By chance alone the shares of 50 rows have a deviation of .06.
  EXPECT_LT(deviation_of(fit_spread(0)), 0.02);
  EXPECT_GT(deviation_of(fit_spread(1.5)), 0.2);
}

TEST(TargetMeans, AreSharesEvenWhereThereIsNothingToEstimate) {
  for (const std::uint8_t label : {std::uint8_t{0}, std::uint8_t{1}}) {
    const std::vector<std::uint8_t> labels(4, label);
    const std::vector<std::uint32_t> codes = {0, 1, 2, kMissing};
    const TargetMeans means = fit_target_means(codes, 3, labels);
    EXPECT_THAT(means.means, Pointwise(DoubleNear(1e-9), std::vector<double>(3, label)));
    EXPECT_NEAR(means.missing, label, 1e-9);
  }
  const TargetMeans empty = fit_target_means({}, 2, {});
  EXPECT_THAT(empty.means, ElementsAre(0, 0));
  // Each category is one label through and through: the pull never vanishes.
  const std::vector<std::uint32_t> codes = {0, 0, 1, 1};
  const std::vector<std::uint8_t> labels = {0, 0, 1, 1};
  const TargetMeans pure = fit_target_means(codes, 2, labels);
  EXPECT_GT(pure.means[0], 0);
  EXPECT_LT(pure.means[1], 1);
}

TEST(TargetMeans, PartsKeepTheRateAndRepeatForASeed) {
  std::vector<std::uint8_t> labels(103, 0);
  labels[4] = labels[50] = 1;  // fewer than parts
  const auto parts = target_mean_parts(labels, 3);
  EXPECT_EQ(parts, target_mean_parts(labels, 3));
  EXPECT_NE(parts, target_mean_parts(labels, 4));
  EXPECT_NE(parts[4], parts[50]);
  std::vector<int> rows(5);
  for (const std::uint32_t part : parts) ++rows.at(part);
  for (const int count : rows) EXPECT_NEAR(count, 20.6, 0.7);
}

/// Cities with one customer in so many who leaves, a number, and a plan of two values.
struct Cities {
  data::Table table;
  std::vector<std::uint8_t> labels;
  std::vector<InputField> inputs = {{.name = "city", .type = data::ColumnType::kText},
                                    {.name = "plan", .type = data::ColumnType::kText}};
  std::vector<std::uint32_t> rows;

  explicit Cities(std::size_t count, std::size_t cities, bool is_random = false) {
    core::Random random(2);
    std::vector<std::string> names, plans;
    for (std::uint32_t row = 0; row < count; ++row) {
      const std::uint64_t city = random.below(cities);
      names.push_back("c" + std::to_string(city));
      plans.emplace_back(random.bernoulli(0.5) ? "a" : "b");
      labels.push_back(random.bernoulli(is_random || city % 2 == 0 ? 0.2 : 0.6) ? 1 : 0);
      rows.push_back(row);
    }
    table.columns = {data::Column::of_texts("city", names), data::Column::of_texts("plan", plans)};
  }
  Transform fit(TransformSpec spec = {.encode = "target", .log = {}, .crosses = {}}) const {
    return Transform::fit(spec, inputs, table, rows, labels).value();
  }
};

TEST(TargetEncoding, IsForLongCategoriesOnly) {
  const Cities cities(2'000, 40);
  const Transform transform = cities.fit();
  EXPECT_THAT(transform.outputs(), ElementsAre("city (target mean)", "plan=a", "plan=b"));
  EXPECT_THAT(transform.output_origins(), ElementsAre(0, 1, 1));
  EXPECT_EQ(transform.categories(0).size(), 40U);
  EXPECT_EQ(Cities(2'000, 30).fit().outputs()[0].substr(0, 6), "city=c");
}

TEST(TargetEncoding, LeavesCrossedCategoriesAsTheyAre) {
  const Cities cities(2'000, 40);
  const Transform transform =
      cities.fit({.encode = "target", .log = {}, .crosses = {"plan * city"}});
  EXPECT_EQ(transform.outputs()[0].substr(0, 6), "city=c");
}

TEST(TargetEncoding, GivesUnseenCategoriesThePriorAndMissingOnesTheirMean) {
  Cities cities(2'000, 40);
  cities.table.columns[0].valid.assign(2'000, 1);
  for (std::size_t row = 0; row < 100; ++row) {
    cities.table.columns[0].valid[row] = 0;
    cities.labels[row] = 1;
  }
  const Transform transform = cities.fit();
  const double rate = std::accumulate(cities.labels.begin(), cities.labels.end(), 0.0) / 2'000;
  std::vector<float> out(3);
  transform.apply_row(std::vector{data::Cell::of("elsewhere"), data::Cell{}}, out);
  EXPECT_FLOAT_EQ(out[0], static_cast<float>(rate));
  transform.apply_row(std::vector{data::Cell{}, data::Cell{}}, out);
  EXPECT_GT(out[0], 0.9);
}

TEST(TargetEncoding, TellsNoTrainingRowItsOwnLabel) {
  const Cities cities(3'000, 600, true);  // five rows a city and nothing to learn
  const Transform transform = cities.fit();
  const auto correlation = [&](const Matrix& matrix) {
    double x = 0, y = 0, xx = 0, yy = 0, xy = 0;
    for (std::size_t row = 0; row < matrix.rows; ++row) {
      const double a = matrix.row(row)[0], b = cities.labels[row];
      x += a, y += b, xx += a * a, yy += b * b, xy += a * b;
    }
    const auto n = static_cast<double>(matrix.rows);
    return (n * xy - x * y) / std::sqrt((n * xx - x * x) * (n * yy - y * y));
  };
  EXPECT_GT(correlation(transform.apply(cities.table).value()), 0.3);
  const Matrix own = transform.apply_out_of_fold(cities.table, cities.labels, 1).value();
  EXPECT_LT(correlation(own), 0.05);
  EXPECT_EQ(own.values, transform.apply_out_of_fold(cities.table, cities.labels, 1)->values);
  EXPECT_NE(own.values, transform.apply_out_of_fold(cities.table, cities.labels, 2)->values);
  // A label changed moves the means of other rows, never the row's own.
  auto labels = cities.labels;
  labels[17] ^= 1;
  const std::vector<std::uint32_t> parts = target_mean_parts(cities.labels, 1);
  std::vector<std::uint32_t> codes(cities.labels.size());
  const auto before = means_out_of_fold(codes, 1, cities.labels, parts);
  const auto after = means_out_of_fold(codes, 1, labels, parts);
  for (std::size_t row = 0; row < parts.size(); ++row)
    EXPECT_EQ(before[row] == after[row], parts[row] == parts[17]) << row;
}

TEST(TargetEncoding, WantsALabelForEachRow) {
  const Cities cities(100, 40);
  const TransformSpec spec{.encode = "target", .log = {}, .crosses = {}};
  auto fitted = Transform::fit(spec, cities.inputs, cities.table, cities.rows);
  ASSERT_FALSE(fitted.has_value());
  EXPECT_THAT(fitted.error().message, HasSubstr("0 labels for 100 rows"));
  EXPECT_THAT(cities.fit().apply_out_of_fold(cities.table, {}, 1).error().message,
              HasSubstr("0 labels, but 100 rows"));
  fitted = Transform::fit({.encode = "hashed", .log = {}, .crosses = {}}, cities.inputs,
                          cities.table, cities.rows);
  ASSERT_FALSE(fitted.has_value());
  EXPECT_THAT(fitted.error().message, HasSubstr("model.transform.encode is 'hashed'"));
}

TEST(TargetEncoding, IsReadBackOrRefused) {
  const Transform transform = Cities(2'000, 40).fit();
  EXPECT_EQ(transform.to_json().at("version").as_int64(), 2);
  EXPECT_EQ(Cities(2'000, 20).fit().to_json().at("version").as_int64(), 1);
  const auto message = [&](auto change) {
    core::Json json = transform.to_json();
    change(json.as_object()["inputs"].as_array()[0].as_object()["target_means"].as_object());
    auto read = Transform::from_json(json);
    return read ? std::string() : read.error().message;
  };
  EXPECT_EQ(message([](core::JsonObject&) {}), "");
  EXPECT_THAT(message([](core::JsonObject& o) { o["other"] = 1.5; }),
              HasSubstr("inputs[0].target_means.other should be 0 to 1"));
  EXPECT_THAT(message([](core::JsonObject& o) { o.erase("missing"); }), HasSubstr("missing"));
  EXPECT_THAT(message([](core::JsonObject& o) { o["categories"].as_array().pop_back(); }),
              HasSubstr("39 means for 40 categories"));
  EXPECT_THAT(message([](core::JsonObject& o) { o["categories"].as_array()[3] = "x"; }),
              HasSubstr("numbers from 0 to 1"));
  core::Json crossed = transform.to_json();
  crossed.as_object()["crosses"] =
      core::JsonArray{core::JsonObject{{"a", "city"}, {"b", "plan"}, {"pairs", core::JsonArray{}}}};
  EXPECT_THAT(Transform::from_json(crossed).error().message, HasSubstr("cannot be crossed"));
}

}  // namespace
}  // namespace tenure::learn
