#include "data/split.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <rapidcheck.h>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/id.h"
#include "core/random.h"
#include "data/parquet_file.h"

namespace tenure::data {
namespace {

using testing::HasSubstr;

struct Row {
  std::int64_t id = 0;
  std::int64_t day = 0;
  int label = 0;  ///< -1 = unknown
  std::string group;
};

struct Fold {
  std::int64_t id = 0;
  std::int64_t at = 0;
  int label = 0;
  bool is_test = false;
  friend auto operator<=>(const Fold&, const Fold&) = default;
};

class Workshop {
 public:
  explicit Workshop(unsigned threads = 2)
      : folder_(std::filesystem::temp_directory_path() / core::random_hex_id()) {
    std::filesystem::create_directories(folder_);
    engine_ = std::move(*Engine::open({.path = "", .temporary = folder_, .threads = threads}));
  }
  ~Workshop() {
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  Dataset dataset_of(const std::vector<Row>& rows) {
    Table table;
    std::vector<std::int64_t> ids;
    std::vector<core::Micros> times;
    std::vector<std::string> groups;
    std::vector<std::int64_t> labels;
    std::vector<std::uint8_t> is_known;
    for (const Row& row : rows) {
      ids.push_back(row.id);
      times.push_back(row.day * 86'400'000'000);
      groups.push_back(row.group);
      labels.push_back(std::max(row.label, 0));
      is_known.push_back(row.label >= 0 ? 1 : 0);
    }
    table.columns.push_back(Column::of_integers("customer", std::move(ids)));
    table.columns.push_back(Column::of_timestamps("event_timestamp", std::move(times)));
    table.columns.push_back(Column::of_texts("region", groups));
    table.columns.push_back(Column::of_integers("label", std::move(labels)));
    table.columns.back().valid = std::move(is_known);
    EXPECT_TRUE(engine_->create_table("rows", table));
    Dataset dataset;
    dataset.parquet = folder_ / "clean.parquet";
    dataset.id_column = "customer";
    dataset.has_label = true;
    dataset.columns = {{.name = "region", .type = ColumnType::kText}};
    EXPECT_TRUE(write_parquet(*engine_, "FROM rows", dataset.parquet));
    return dataset;
  }

  core::Result<SplitCounts> split(const Dataset& dataset, const SplitSpec& spec) {
    return split_dataset(*engine_, dataset, spec, folder_ / "split.parquet");
  }

  std::vector<Fold> folds() {
    auto answer = engine_->query(
        fmt::format("SELECT customer, event_timestamp, label, fold FROM read_parquet({})",
                    quote_path(folder_ / "split.parquet")));
    EXPECT_TRUE(answer) << answer.error().message;
    std::vector<Fold> folds;
    for (std::size_t i = 0; answer && i < answer->row_count(); ++i)
      folds.push_back({static_cast<std::int64_t>(answer->columns[0].number(i)),
                       static_cast<std::int64_t>(answer->columns[1].number(i)),
                       static_cast<int>(answer->columns[2].number(i)),
                       answer->columns[3].text(i) == "test"});
    return folds;
  }

  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<Engine> engine_;
};

std::vector<Row> some_rows(std::size_t count, int positives_in_ten) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < count; ++i)
    rows.push_back({.id = static_cast<std::int64_t>(i * 37),
                    .day = static_cast<std::int64_t>(i / 3),
                    .label = static_cast<int>(i % 10) < positives_in_ten ? 1 : 0,
                    .group = fmt::format("g{}", i % 13)});
  return rows;
}

TEST(Split, KeepsTheLabelRateExactlyWhenStratified) {
  Workshop shop;
  const auto counts = shop.split(shop.dataset_of(some_rows(1000, 3)), {.test_share = 0.2});
  ASSERT_TRUE(counts) << counts.error().message;
  EXPECT_EQ(counts->test, 200);
  EXPECT_EQ(counts->test_positives, 60);
  EXPECT_EQ(counts->train, 800);
  EXPECT_EQ(counts->train_positives, 240);
}

TEST(Split, HoldsTheSameRowsOutForEver) {
  // A change of these ids would silently mix the test rows of models that exist. They were also
  // computed by another program: the last eight bytes of MD5, as a little-endian number, order
  // them.
  Workshop shop;
  ASSERT_TRUE(shop.split(shop.dataset_of(some_rows(40, 5)), {.test_share = 0.2, .seed = 42}));
  std::vector<std::int64_t> held;
  for (const Fold& fold : shop.folds())
    if (fold.is_test) held.push_back(fold.id);
  EXPECT_THAT(held, testing::ElementsAre(0, 37, 888, 1036, 1073, 1184, 1295, 1332));
}

TEST(Split, DependsOnTheSeed) {
  Workshop shop;
  const Dataset dataset = shop.dataset_of(some_rows(500, 5));
  ASSERT_TRUE(shop.split(dataset, {.seed = 1}));
  const auto first = shop.folds();
  ASSERT_TRUE(shop.split(dataset, {.seed = 2}));
  EXPECT_NE(shop.folds(), first);
}

TEST(Split, LeavesRowsWithoutLabelOutAndKeepsTheSourceOrder) {
  Workshop shop;
  auto rows = some_rows(300, 4);
  for (std::size_t i = 0; i < rows.size(); i += 7) rows[i].label = -1;
  const auto counts = shop.split(shop.dataset_of(rows), {});
  ASSERT_TRUE(counts);
  std::vector<std::int64_t> expected;
  for (const Row& row : rows)
    if (row.label >= 0) expected.push_back(row.id);
  std::vector<std::int64_t> got;
  for (const Fold& fold : shop.folds()) got.push_back(fold.id);
  EXPECT_EQ(got, expected);
  EXPECT_EQ(counts->train + counts->test, static_cast<std::int64_t>(expected.size()));
}

TEST(Split, IsIndependentOfRowOrderAndThreads) {
  Workshop one(1);
  Workshop two(2);
  EXPECT_TRUE(rc::check([&] {
    const auto count = *rc::gen::inRange<std::size_t>(20, 400);
    const SplitSpec spec{
        .method = *rc::gen::element<std::string>("stratified", "random", "time", "group"),
        .test_share = *rc::gen::element(0.2, 0.35, 0.5),
        .seed = *rc::gen::inRange<std::uint64_t>(0, 1000),
        .group_column = "region"};
    auto rows = some_rows(count, 5);
    const auto counts = one.split(one.dataset_of(rows), spec);
    RC_PRE(counts.has_value());
    auto expected = one.folds();
    core::Random(*rc::gen::arbitrary<std::uint64_t>()).shuffle(std::span(rows));
    RC_ASSERT(two.split(two.dataset_of(rows), spec).has_value());
    auto got = two.folds();
    std::sort(expected.begin(), expected.end());
    std::sort(got.begin(), got.end());
    RC_ASSERT(got == expected);
    RC_ASSERT(static_cast<std::int64_t>(got.size()) == counts->train + counts->test);
  }));
}

TEST(Split, HoldsOutTheWantedShareOfEveryClass) {
  Workshop shop;
  EXPECT_TRUE(rc::check([&] {
    const auto count = *rc::gen::inRange<std::size_t>(50, 500);
    const double share = *rc::gen::element(0.1, 0.2, 0.25, 0.5);
    const auto rows = some_rows(count, *rc::gen::inRange(2, 9));
    const auto positives =
        std::count_if(rows.begin(), rows.end(), [](const Row& row) { return row.label == 1; });
    const auto negatives = static_cast<std::int64_t>(count) - positives;
    const auto counts = shop.split(shop.dataset_of(rows), {.test_share = share});
    RC_ASSERT(counts.has_value());
    RC_ASSERT(counts->test_positives == std::llround(static_cast<double>(positives) * share));
    RC_ASSERT(counts->test - counts->test_positives ==
              std::llround(static_cast<double>(negatives) * share));
    std::set<std::int64_t> ids;
    for (const Fold& fold : shop.folds()) RC_ASSERT(ids.insert(fold.id).second);
  }));
}

TEST(Split, HoldsOutTheLatestRowsByTime) {
  Workshop shop;
  const auto counts =
      shop.split(shop.dataset_of(some_rows(300, 5)), {.method = "time", .test_share = 0.2});
  ASSERT_TRUE(counts) << counts.error().message;
  EXPECT_EQ(counts->test, 60);
  std::int64_t latest_train = 0;
  std::int64_t first_test = std::numeric_limits<std::int64_t>::max();
  for (const Fold& fold : shop.folds()) {
    if (fold.is_test) first_test = std::min(first_test, fold.at);
    if (!fold.is_test) latest_train = std::max(latest_train, fold.at);
  }
  EXPECT_LT(latest_train, first_test);
}

TEST(Split, NeverTakesTheOnlyEarlierTimeForTheTest) {
  Workshop shop;
  auto rows = some_rows(100, 5);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].day = i < 30 ? 1 : 2;
  const auto counts = shop.split(shop.dataset_of(rows), {.method = "time", .test_share = 0.2});
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->train, 30);
}

TEST(Split, RefusesATimeSplitOfOneSnapshot) {
  Workshop shop;
  auto rows = some_rows(100, 5);
  for (Row& row : rows) row.day = 7;
  const auto counts = shop.split(shop.dataset_of(rows), {.method = "time"});
  ASSERT_FALSE(counts);
  EXPECT_EQ(counts.error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_THAT(counts.error().message, HasSubstr("same time"));
}

TEST(Split, KeepsGroupsTogether) {
  Workshop shop;
  auto rows = some_rows(650, 5);
  const auto counts = shop.split(shop.dataset_of(rows),
                                 {.method = "group", .test_share = 0.3, .group_column = "region"});
  ASSERT_TRUE(counts) << counts.error().message;
  EXPECT_EQ(counts->test, 200);  // four of thirteen groups of 50 are nearest to 195
  std::map<std::int64_t, std::string> group_of;
  for (const Row& row : rows) group_of[row.id] = row.group;
  std::map<std::string, bool> fold_of;
  for (const Fold& fold : shop.folds()) {
    const auto [known, is_new] = fold_of.try_emplace(group_of[fold.id], fold.is_test);
    EXPECT_EQ(known->second, fold.is_test) << group_of[fold.id];
  }
}

TEST(Split, RefusesWhatCannotBeSplit) {
  Workshop shop;
  const auto message = [&](const Dataset& dataset, const SplitSpec& spec) {
    const auto counts = shop.split(dataset, spec);
    EXPECT_FALSE(counts);
    EXPECT_FALSE(std::filesystem::exists(shop.folder() / "split.parquet"));
    return counts ? std::string() : counts.error().message;
  };
  Dataset dataset = shop.dataset_of(some_rows(100, 5));
  EXPECT_THAT(message(dataset, {.method = "group", .group_column = "regoin"}),
              HasSubstr("did you mean 'region'?"));
  EXPECT_THAT(message(dataset, {.method = "shuffle"}), HasSubstr("'shuffle'"));
  EXPECT_THAT(message(dataset, {.test_share = 1.5}), HasSubstr("1.5"));
  auto rare = some_rows(100, 0);
  rare[3].label = 1;
  EXPECT_THAT(message(shop.dataset_of(rare), {.test_share = 0.2}),
              HasSubstr("train 80 rows, 1 positive; test 20 rows, 0 positive"));
  auto one_group = some_rows(100, 5);
  for (Row& row : one_group) row.group = "all";
  EXPECT_THAT(message(shop.dataset_of(one_group), {.method = "group", .group_column = "region"}),
              HasSubstr("single group"));
  dataset.has_label = false;
  EXPECT_THAT(message(dataset, {}), HasSubstr("no label"));
}

}  // namespace
}  // namespace tenure::data
