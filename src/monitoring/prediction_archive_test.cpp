#include "monitoring/prediction_archive.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <rapidcheck.h>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "monitoring/archive_table.h"
#include "monitoring/prediction_compactor.h"
#include "monitoring/prediction_log_test_data.h"
#include "monitoring/retention.h"
#include "monitoring/segment_file.h"

namespace tenure::monitoring {
namespace {

using testing::numbered_event;
using testing::OwnedEvent;
using testing::read_all;
using testing::segment_files;
using testing::TemporaryFolder;

constexpr core::Micros kHour = 3600LL * core::kMicrosPerSecond;

/// Equal to the bit; NaN equals NaN.
template <typename T>
bool is_same(T a, T b) {
  return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b));
}

void expect_same(const LoggedPrediction& a, const LoggedPrediction& b) {
  EXPECT_EQ(a.prediction_id, b.prediction_id);
  EXPECT_EQ(a.time, b.time);
  EXPECT_EQ(a.entity_id, b.entity_id);
  EXPECT_EQ(a.model, b.model);
  EXPECT_EQ(a.version, b.version);
  EXPECT_EQ(a.features_time, b.features_time);
  EXPECT_TRUE(is_same(a.margin, b.margin));
  EXPECT_TRUE(is_same(a.probability, b.probability));
  EXPECT_EQ(a.is_positive, b.is_positive);
  EXPECT_EQ(a.level, b.level);
  EXPECT_EQ(a.reason, b.reason);
  EXPECT_EQ(a.latency_us, b.latency_us);
  EXPECT_EQ(a.trace, b.trace);
  EXPECT_EQ(a.variant, b.variant);
  EXPECT_EQ(a.is_shadow, b.is_shadow);
  EXPECT_EQ(a.group, b.group);
  ASSERT_EQ(a.features.size(), b.features.size());
  for (std::size_t i = 0; i < a.features.size(); ++i) {
    EXPECT_EQ(a.features[i].name, b.features[i].name);
    EXPECT_EQ(a.features[i].kind, b.features[i].kind);
    EXPECT_TRUE(is_same(a.features[i].number, b.features[i].number)) << a.features[i].name;
    EXPECT_EQ(a.features[i].text, b.features[i].text);
  }
}

class PredictionArchive : public ::testing::Test {
 protected:
  std::unique_ptr<PredictionLog> open(std::uint64_t segment_max = 4096) {
    auto log = PredictionLog::open({.folder = folder_.path(), .segment_max = segment_max}, clock_,
                                   metrics_);
    EXPECT_TRUE(log.has_value());
    return *std::move(log);
  }
  /// Writes events, each into a segment of its own, but for the last ones.
  void write(std::uint64_t first, std::uint64_t count, std::uint64_t per_segment) {
    for (std::uint64_t i = first; i < first + count;) {
      const auto log = open();
      for (std::uint64_t k = 0; k < per_segment && i < first + count; ++k, ++i)
        log->append(numbered_event(i).view());
      ASSERT_TRUE(log->flush().has_value());
    }
  }
  /// Archives all segments but the newest.
  void archive_closed() {
    const auto segments = list_segments(folder_.path());
    for (std::size_t i = 0; i + 1 < segments->size(); ++i) {
      const auto done =
          archive_segment(*engine_, folder_.path(), (*segments)[i].path, (*segments)[i].number);
      ASSERT_TRUE(done.has_value()) << done.error().message;
    }
  }
  std::vector<ArchiveFile> files() { return *list_archive(folder_.path()); }

  TemporaryFolder folder_;
  core::SystemClock clock_;
  core::MetricRegistry metrics_;
  std::unique_ptr<data::Engine> engine_ = *data::Engine::open();
};

TEST_F(PredictionArchive, GivesBackEveryBitOfEveryKindOfEvent) {
  std::vector<OwnedEvent> events(5);
  const double numbers[] = {12.0, -0.0, 0.1, std::numeric_limits<double>::quiet_NaN(),
                            std::numeric_limits<double>::infinity()};
  {
    const auto log = open();
    for (std::size_t i = 0; i < 5; ++i) {
      events[i].id = fmt::format("id {}", i);
      events[i].names = {"tenure", "contract", "mixed", "empty"};
      events[i].cells = {data::Cell::of(numbers[i]),
                         i == 2 ? data::Cell::null() : data::Cell::of("Ein Jahr, 'ja'"),
                         i % 2 == 0 ? data::Cell::of("7") : data::Cell::of(0.1 + 0.2),
                         i == 3 ? data::Cell{} : data::Cell::null()};
      serving::PredictionEvent event = events[i].view();
      event.margin =
          i == 4 ? std::numeric_limits<float>::quiet_NaN() : 0.1F * static_cast<float>(i);
      event.level = i == 1 ? serving::Level::kRules : serving::Level::kPrimary;
      event.reason = i == 1 ? "unknown_entity" : "";
      event.variant = i == 2 ? "challenger" : "";
      if (i == 3) event.trace = core::continue_trace("");
      if (i == 0) event.features = {};  // nothing was known
      if (i == 3) event.features_time = 0;
      if (i == 3) event.entity_id = "";
      log->append(event);
    }
  }
  write(100, 1, 1);
  const auto before = read_all(folder_.path());
  ASSERT_EQ(before.size(), 6U);
  archive_closed();
  EXPECT_EQ(segment_files(folder_.path()).size(), 1U);
  EXPECT_EQ(files().size(), 2U) << "one for the event without features, one for the others";
  const auto after = read_all(folder_.path());
  ASSERT_EQ(after.size(), 6U);
  for (const LoggedPrediction& expected : before) {
    const auto found =
        std::ranges::find(after, expected.prediction_id, &LoggedPrediction::prediction_id);
    ASSERT_NE(found, after.end());
    expect_same(*found, expected);
    const auto one = find_prediction(folder_.path(), expected.prediction_id);
    ASSERT_TRUE(one.has_value() && one->has_value());
    expect_same(**one, expected);
  }
  EXPECT_FALSE(find_prediction(folder_.path(), "nobody")->has_value());
}

RC_GTEST_PROP(ArchiveTable, GivesBackAnyFeatures, ()) {
  const auto rows = *rc::gen::inRange(1, 8);
  ArchiveTableBuilder builder;
  std::vector<LoggedPrediction> events;
  for (int i = 0; i < rows; ++i) {
    LoggedPrediction event;
    event.prediction_id = fmt::format("p{}", i);
    event.time = 1 + i;
    for (const char* name : {"a", "kinds", "model"}) {
      const auto kind = static_cast<data::Cell::Kind>(*rc::gen::inRange(0, 4));
      LoggedPrediction::Feature feature{name, kind, 0, ""};
      if (kind == data::Cell::Kind::kNumber) feature.number = *rc::gen::arbitrary<double>();
      if (kind == data::Cell::Kind::kText) feature.text = *rc::gen::arbitrary<std::string>();
      event.features.push_back(feature);
    }
    builder.add(event);
    events.push_back(event);
  }
  const data::Table table = builder.take();
  LoggedPrediction out;
  for (std::size_t i = 0; i < events.size(); ++i) {
    RC_ASSERT(read_archived(table, i, out).has_value());
    for (std::size_t k = 0; k < 3; ++k) {
      RC_ASSERT(out.features[k].name == events[i].features[k].name);
      RC_ASSERT(out.features[k].kind == events[i].features[k].kind);
      RC_ASSERT(is_same(out.features[k].number, events[i].features[k].number));
      RC_ASSERT(out.features[k].text == events[i].features[k].text);
    }
  }
}

TEST_F(PredictionArchive, FindsTheAnswerAndNotWhatAShadowMadeOfIt) {
  const OwnedEvent owned = numbered_event(1);
  {
    const auto log = open();
    serving::PredictionEvent event = owned.view();
    event.is_shadow = true;
    event.version = 9;
    log->append(event);
    event.is_shadow = false;
    event.version = 3;
    event.group = serving::CampaignGroup::kControl;
    log->append(event);
  }
  write(100, 1, 1);
  EXPECT_EQ((*find_prediction(folder_.path(), owned.id))->version, 3);
  archive_closed();
  EXPECT_EQ((*find_prediction(folder_.path(), owned.id))->version, 3);
  const auto all = read_all(folder_.path());
  EXPECT_EQ(std::ranges::count_if(all, &LoggedPrediction::is_shadow), 1);
  EXPECT_EQ((*find_prediction(folder_.path(), owned.id))->group, "control");
}

TEST_F(PredictionArchive, LeavesNoFileOfASegmentThatItCannotArchive) {
  {
    const auto log = open();
    OwnedEvent owned = numbered_event(1);
    owned.model = "a";
    log->append(owned.view());
    owned = numbered_event(2);
    owned.model = "b";
    log->append(owned.view());
  }
  write(100, 1, 1);
  // The folder of the second model cannot be made.
  ASSERT_TRUE(core::write_file_atomically(archive_folder(folder_.path()) / "model=b", "a file"));
  const auto segment = list_segments(folder_.path())->front();
  EXPECT_FALSE(archive_segment(*engine_, folder_.path(), segment.path, segment.number).has_value());
  std::filesystem::remove(archive_folder(folder_.path()) / "model=b");
  EXPECT_TRUE(files().empty());
  EXPECT_TRUE(archive_segment(*engine_, folder_.path(), segment.path, segment.number).has_value());
  EXPECT_EQ(files().size(), 2U);
}

TEST_F(PredictionArchive, PutsEventsByModelAndHour) {
  {
    const auto log = open();
    for (int i = 0; i < 4; ++i) {
      OwnedEvent owned = numbered_event(static_cast<std::uint64_t>(i));
      owned.model = i % 2 == 0 ? "churn" : "up/sell";
      serving::PredictionEvent event = owned.view();
      event.time = 1'700'000'000'000'000 + i / 2 * kHour;
      log->append(event);
    }
  }
  write(100, 1, 1);
  archive_closed();
  std::set<std::string> folders;
  for (const ArchiveFile& file : files())
    folders.insert(file.path.parent_path().lexically_relative(archive_folder(folder_.path())));
  EXPECT_EQ(folders, (std::set<std::string>{"model=churn/date=2023-11-14/hour=22",
                                            "model=churn/date=2023-11-14/hour=23",
                                            "model=up%2Fsell/date=2023-11-14/hour=22",
                                            "model=up%2Fsell/date=2023-11-14/hour=23"}));
  // As a user reads it: all files at once, with the folders as columns.
  const auto count = engine_->query_integer(fmt::format(
      "SELECT count(*) FROM read_parquet('{}/**/*.parquet', union_by_name=true, "
      "hive_partitioning=true) WHERE hour = 23 AND model = 'up/sell' AND feature_tenure = 12",
      archive_folder(folder_.path()).string()));
  ASSERT_TRUE(count.has_value()) << count.error().message;
  EXPECT_EQ(*count, 1);
}

TEST_F(PredictionArchive, IsDoubledAndLostByNoInterruption) {
  write(0, 30, 10);
  const auto segments = segment_files(folder_.path());
  ASSERT_EQ(segments.size(), 3U);
  const std::string bytes = *core::read_file(segments[0]);
  archive_closed();
  ASSERT_EQ(read_all(folder_.path()).size(), 30U);
  // As if it had been killed after the files were written and before the segment was removed.
  ASSERT_TRUE(core::write_file_atomically(segments[0], bytes).has_value());
  EXPECT_EQ(read_all(folder_.path()).size(), 30U);
  // As if it had been killed after half of the files.
  const auto before = files();
  ASSERT_TRUE(std::filesystem::remove(before[0].path));
  EXPECT_EQ(read_all(folder_.path()).size(), 30U);
  // A part that a new attempt would not write again.
  std::filesystem::copy_file(before[1].path,
                             before[0].path.parent_path() / "0000000001-v3-9.parquet");
  archive_closed();
  EXPECT_EQ(segment_files(folder_.path()).size(), 1U);
  const auto read = read_all(folder_.path());
  ASSERT_EQ(read.size(), 30U);
  for (std::size_t i = 0; i < 30; ++i) EXPECT_EQ(read[i].prediction_id, fmt::format("n{}", i));
}

TEST_F(PredictionArchive, LeavesADamagedSegmentAlone) {
  write(0, 20, 10);
  const auto segments = segment_files(folder_.path());
  std::string bytes = *core::read_file(segments[0]);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  ASSERT_TRUE(core::write_file_atomically(segments[0], bytes).has_value());
  const auto done = archive_segment(*engine_, folder_.path(), segments[0], 1);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, core::ErrorCode::kCorruption);
  EXPECT_EQ(*core::read_file(segments[0]), bytes);
}

TEST_F(PredictionArchive, FindsWhatIsNotInADamagedSegment) {
  write(0, 30, 10);
  const auto segments = segment_files(folder_.path());
  std::string bytes = *core::read_file(segments[1]);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  ASSERT_TRUE(core::write_file_atomically(segments[1], bytes).has_value());
  ASSERT_TRUE(archive_segment(*engine_, folder_.path(), segments[0], 1).has_value());
  for (const char* id : {"n3", "n25"}) {
    const auto found = find_prediction(folder_.path(), id);
    ASSERT_TRUE(found.has_value() && found->has_value()) << id;
  }
  const auto lost = find_prediction(folder_.path(), "nobody");
  ASSERT_FALSE(lost.has_value());
  EXPECT_EQ(lost.error().code, core::ErrorCode::kCorruption);
}

TEST_F(PredictionArchive, KeepsItsFilesWhenNoSegmentIsLeft) {
  write(0, 20, 10);
  archive_closed();
  for (const auto& segment : segment_files(folder_.path())) std::filesystem::remove(segment);
  write(20, 20, 10);
  archive_closed();
  EXPECT_TRUE((*find_prediction(folder_.path(), "n3")).has_value());
  EXPECT_TRUE((*find_prediction(folder_.path(), "n23")).has_value());
}

TEST_F(PredictionArchive, NamesADamagedFile) {
  write(0, 20, 10);
  archive_closed();
  const auto path = files().at(0).path;
  std::string bytes = *core::read_file(path);
  bytes.resize(bytes.size() / 2);
  ASSERT_TRUE(core::write_file_atomically(path, bytes).has_value());
  core::Error error;
  read_all(folder_.path(), &error);
  EXPECT_EQ(error.code, core::ErrorCode::kCorruption);
  EXPECT_NE(error.message.find(path.filename().string()), std::string::npos);
}

TEST_F(PredictionArchive, StopsReadingWhenTheVisitorSaysSo) {
  write(0, 30, 10);
  archive_closed();
  int seen = 0;
  const auto read =
      read_prediction_log(folder_.path(), [&](const LoggedPrediction&) { return ++seen < 14; });
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read, 14);
}

TEST_F(PredictionArchive, IsMadeAndReadWhileTheLogIsWritten) {
  const auto log = open(2048);
  core::MetricRegistry metrics;
  const auto compactor =
      PredictionCompactor::start({.folder = folder_.path(), .interval = 1000}, clock_, metrics);
  const core::Counter& archived = metrics.counter("tenure_prediction_segments_archived_total", "");
  std::uint64_t written = 0;
  while (archived.value() < 8) {
    for (int i = 0; i < 50; ++i) log->append(numbered_event(written++).view());
    ASSERT_TRUE(log->flush().has_value());
    core::Error error;
    const auto read = read_all(folder_.path(), &error);
    ASSERT_TRUE(error.message.empty()) << error.message;
    ASSERT_EQ(read.size(), written);
    for (std::size_t i = 0; i < read.size(); ++i)
      ASSERT_EQ(read[i].prediction_id, fmt::format("n{}", i));
  }
}

TEST_F(PredictionArchive, RemovesWhatAKilledProcessLeftUnfinished) {
  write(0, 20, 10);
  archive_closed();
  const auto left = core::unfinished_path(files().at(0).path);
  ASSERT_TRUE(core::write_file_atomically(left, "x").has_value());
  core::MetricRegistry metrics;
  write(20, 10, 10);
  const core::Counter& archived = metrics.counter("tenure_prediction_segments_archived_total", "");
  const auto compactor =
      PredictionCompactor::start({.folder = folder_.path(), .interval = 1000}, clock_, metrics);
  while (archived.value() == 0) std::this_thread::yield();
  EXPECT_FALSE(std::filesystem::exists(left));
}

TEST_F(PredictionArchive, KeepsWhatRetentionSays) {
  write(0, 30, 10);
  archive_closed();
  const core::Micros now = 1'700'000'000'000'000;  // the events' time
  ASSERT_EQ(files().size(), 2U);
  EXPECT_EQ(*remove_old_predictions(folder_.path(), {}, now + 1000 * kHour), 0);
  EXPECT_EQ(*remove_old_predictions(folder_.path(), {.retain = 2 * kHour}, now + kHour), 0);
  EXPECT_EQ(*remove_old_predictions(folder_.path(), {.retain = 2 * kHour}, now + 4 * kHour), 2);
  EXPECT_EQ(files().size(), 0U);
  EXPECT_FALSE(std::filesystem::exists(archive_folder(folder_.path()) / "model=churn"));
  EXPECT_EQ(read_all(folder_.path()).size(), 10U) << "the newest segment stays";
}

TEST_F(PredictionArchive, RemovesTheOldestBeyondASize) {
  write(0, 50, 10);
  archive_closed();
  const auto before = files();
  ASSERT_EQ(before.size(), 4U);
  std::uint64_t total = 0;
  for (const ArchiveFile& file : before) total += std::filesystem::file_size(file.path);
  total += std::filesystem::file_size(segment_files(folder_.path()).at(0));
  const std::uint64_t limit = total - std::filesystem::file_size(before[0].path);
  EXPECT_EQ(*remove_old_predictions(folder_.path(), {.retain_bytes = limit}, 0), 1);
  EXPECT_FALSE(std::filesystem::exists(before[0].path));
  EXPECT_EQ(*remove_old_predictions(folder_.path(), {.retain_bytes = 1}, 0), 3);
  EXPECT_EQ(read_all(folder_.path()).size(), 10U);
}

}  // namespace
}  // namespace tenure::monitoring
