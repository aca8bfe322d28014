#include "monitoring/prediction_log.h"

#include <bit>
#include <chrono>
#include <cmath>
#include <iterator>
#include <limits>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "monitoring/crc32c.h"
#include "monitoring/prediction_log_test_data.h"
#include "monitoring/prediction_record.h"
#include "monitoring/segment_file.h"
#include "monitoring/segment_scanner.h"

namespace tenure::monitoring {
namespace {

using testing::numbered_event;
using testing::OwnedEvent;
using testing::read_all;
using testing::segment_files;
using testing::TemporaryFolder;

class PredictionLogTest : public ::testing::Test {
 protected:
  std::unique_ptr<PredictionLog> open(PredictionLogOptions options = {}) {
    options.folder = folder_.path();
    auto log = PredictionLog::open(options, clock_, metrics_);
    if (!log) {
      ADD_FAILURE() << log.error().message;
      return nullptr;
    }
    return *std::move(log);
  }
  /// Writes events numbered 0.. into one segment and closes the log.
  void write(std::uint64_t count) {
    const auto log = open();
    for (std::uint64_t i = 0; i < count; ++i) log->append(numbered_event(i).view());
    ASSERT_TRUE(log->flush().has_value());
  }

  TemporaryFolder folder_;
  core::SystemClock clock_;
  core::MetricRegistry metrics_;
};

TEST(Crc32c, GivesTheChecksumsOfTheStandard) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43U);
  EXPECT_EQ(crc32c("6789", crc32c("12345")), 0xE3069283U);
}

TEST_F(PredictionLogTest, GivesBackEverythingThatWasWritten) {
  OwnedEvent event;
  event.names = {"absent", "null",  "text",  "empty", "zero",     "minus_zero", "small",
                 "half",   "tenth", "large", "nan",   "infinity", "denormal"};
  event.cells = {data::Cell{},
                 data::Cell::null(),
                 data::Cell::of("Fiber optic \xc3\xa9"),
                 data::Cell::of(""),
                 data::Cell::of(0.0),
                 data::Cell::of(-0.0),
                 data::Cell::of(-128.0),
                 data::Cell::of(1234.5),
                 data::Cell::of(0.1),
                 data::Cell::of(std::numeric_limits<double>::max()),
                 data::Cell::of(std::numeric_limits<double>::quiet_NaN()),
                 data::Cell::of(-std::numeric_limits<double>::infinity()),
                 data::Cell::of(std::numeric_limits<double>::denorm_min())};
  {
    const auto log = open();
    log->append(event.view());
    ASSERT_TRUE(log->flush().has_value());
  }
  const auto read = read_all(folder_.path());
  ASSERT_EQ(read.size(), 1U);
  const LoggedPrediction& prediction = read.front();
  const serving::PredictionEvent expected = event.view();
  EXPECT_EQ(prediction.prediction_id, expected.prediction_id);
  EXPECT_EQ(prediction.time, expected.time);
  EXPECT_EQ(prediction.entity_id, expected.entity_id);
  EXPECT_EQ(prediction.model, expected.model);
  EXPECT_EQ(prediction.version, expected.version);
  EXPECT_EQ(prediction.features_time, expected.features_time);
  EXPECT_EQ(prediction.margin, expected.margin);
  EXPECT_EQ(prediction.probability, expected.probability);
  EXPECT_EQ(prediction.is_positive, expected.is_positive);
  EXPECT_EQ(prediction.level, expected.level);
  EXPECT_EQ(prediction.latency_us, expected.latency_us);
  ASSERT_EQ(prediction.features.size(), event.cells.size());
  for (std::size_t i = 0; i < event.cells.size(); ++i) {
    const LoggedPrediction::Feature& feature = prediction.features[i];
    EXPECT_EQ(feature.name, event.names[i]);
    EXPECT_EQ(feature.kind, event.cells[i].kind) << feature.name;
    EXPECT_EQ(feature.text, event.cells[i].text) << feature.name;
    EXPECT_EQ(std::bit_cast<std::uint64_t>(feature.number),
              std::bit_cast<std::uint64_t>(event.cells[i].number))
        << feature.name;
  }
}

TEST_F(PredictionLogTest, KeepsIdsThatAreNoUuidAndTheBaseRateLevel) {
  const std::vector<std::string> ids{"", "abc", "0190163D-8694-739B-AEA5-966C26F8AD91",
                                     "0190163d-8694-739b-aea5-966c26f8ad9x"};
  {
    const auto log = open();
    for (const std::string& id : ids) {
      OwnedEvent event;
      event.id = id;
      event.cells.clear();
      serving::PredictionEvent view = event.view();
      view.level = serving::Level::kBaseRate;
      log->append(view);
    }
  }
  const auto read = read_all(folder_.path());
  ASSERT_EQ(read.size(), ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(read[i].prediction_id, ids[i]);
    EXPECT_EQ(read[i].level, serving::Level::kBaseRate);
    EXPECT_TRUE(read[i].features.empty());
  }
}

TEST_F(PredictionLogTest, KeepsTheVariantAndTellsAShadowFromAnAnswer) {
  {
    const auto log = open();
    const OwnedEvent event;
    serving::PredictionEvent view = event.view();
    log->append(view);
    view.variant = "canary";
    log->append(view);
    view.variant = "dark";
    view.is_shadow = true;
    view.reason = "invalid_score";
    log->append(view);
  }
  const auto read = read_all(folder_.path());
  ASSERT_EQ(read.size(), 3U);
  EXPECT_EQ(read[0].variant, "");
  EXPECT_FALSE(read[0].is_shadow);
  EXPECT_EQ(read[1].variant, "canary");
  EXPECT_FALSE(read[1].is_shadow);
  EXPECT_EQ(read[2].variant, "dark");
  EXPECT_EQ(read[2].reason, "invalid_score");
  EXPECT_TRUE(read[2].is_shadow);
  EXPECT_EQ(read[2].features.size(), 2U);
}

TEST(PredictionRecord, PassesOverOptionalFieldsOfLaterReleases) {
  const OwnedEvent owned;
  serving::PredictionEvent event = owned.view();
  event.variant = "canary";
  const auto record = [](RecordType type, std::size_t size) {
    std::string bytes(kRecordLeadSize + size, '\0');
    bytes[0] = static_cast<char>(type);
    return bytes;
  };
  std::string schema = record(RecordType::kSchema, schema_body_size(event));
  write_schema_body(event, schema.data() + kRecordLeadSize);
  std::string bytes = record(RecordType::kPrediction, prediction_body_size(event));
  write_prediction_body(event, bytes.data() + kRecordLeadSize);
  RecordDecoder decoder;
  LoggedPrediction read;
  ASSERT_TRUE(decoder.decode(schema, read).has_value());
  // Number 12345, three bytes.
  ASSERT_TRUE(decoder.decode(bytes + std::string("\xb9\x60\x03", 3) + "abc", read).value_or(false));
  EXPECT_EQ(read.variant, "canary");
  // Cut off, twice, out of turn: damage.
  EXPECT_FALSE(decoder.decode(bytes + std::string("\xb9\x60\x03", 3) + "ab", read).has_value());
  const std::string field = bytes.substr(bytes.size() - 10);
  ASSERT_EQ(field[0], 2);
  EXPECT_FALSE(decoder.decode(bytes + field, read).has_value());
  EXPECT_FALSE(decoder.decode(bytes.substr(0, bytes.size() - 1), read).has_value());
  // Without the field nothing of the record before may stay.
  ASSERT_TRUE(decoder.decode(bytes.substr(0, bytes.size() - 10), read).value_or(false));
  EXPECT_EQ(read.variant, "");
}

TEST_F(PredictionLogTest, ReadsWhatEarlierReleasesWrote) {
  {
    const auto log = open();
    log->append(OwnedEvent().view());
  }
  // Version 1 had the same header and frames; a prediction without a variant is as it was.
  const auto segments = segment_files(folder_.path());
  ASSERT_EQ(segments.size(), 1U);
  std::string bytes = core::read_file(segments[0]).value();
  bytes[8] = 1;
  const std::uint32_t checksum = crc32c(std::string_view(bytes).substr(0, 28));
  for (std::size_t i = 0; i < 4; ++i) bytes[28 + i] = static_cast<char>(checksum >> (8 * i) & 0xFF);
  ASSERT_TRUE(core::write_file_atomically(segments[0], bytes).has_value());
  ASSERT_EQ(read_all(folder_.path()).size(), 1U);
  EXPECT_EQ(read_all(folder_.path())[0].entity_id, "C-1");
  { const auto log = open(); }  // a program that writes takes the folder over
  EXPECT_EQ(read_all(folder_.path()).size(), 1U);
}

TEST_F(PredictionLogTest, NamesFeaturesOfSeveralModelVersions) {
  {
    const auto log = open();
    for (int i = 0; i < 100; ++i) {
      OwnedEvent event;
      event.version = i % 3;
      if (i % 3 == 2) event.names = {"other", "names"};
      log->append(event.view());
    }
  }
  const auto read = read_all(folder_.path());
  ASSERT_EQ(read.size(), 100U);
  for (std::size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i].version, static_cast<std::int64_t>(i % 3));
    EXPECT_EQ(read[i].features[0].name, i % 3 == 2 ? "other" : "tenure");
  }
}

TEST_F(PredictionLogTest, StartsNewSegmentsAndReadsThemInOrder) {
  {
    const auto log = open({.folder = {}, .segment_max = 1024});
    for (std::uint64_t i = 0; i < 200; ++i) log->append(numbered_event(i).view());
    ASSERT_TRUE(log->flush().has_value());
  }
  EXPECT_GT(segment_files(folder_.path()).size(), 5U);
  const auto read = read_all(folder_.path());
  ASSERT_EQ(read.size(), 200U);
  for (std::size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i].prediction_id, fmt::format("n{}", i));
    EXPECT_EQ(read[i].features[1].text, "Month-to-month");
  }
}

TEST_F(PredictionLogTest, ContinuesAfterReopening) {
  write(3);
  write(2);
  EXPECT_EQ(read_all(folder_.path()).size(), 5U);
}

TEST_F(PredictionLogTest, StopsReadingWhenTheVisitorSaysSo) {
  write(10);
  int seen = 0;
  const auto read =
      read_prediction_log(folder_.path(), [&](const LoggedPrediction&) { return ++seen < 4; });
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read, 4);
  EXPECT_EQ(seen, 4);
}

TEST_F(PredictionLogTest, ReadsNothingFromAFolderThatIsNotThere) {
  const auto read =
      read_prediction_log(folder_.path() / "no", [](const LoggedPrediction&) { return true; });
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read, 0);
}

TEST_F(PredictionLogTest, RefusesASecondWriterOfTheFolder) {
  const auto log = open();
  const auto second = PredictionLog::open({.folder = folder_.path()}, clock_, metrics_);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, core::ErrorCode::kConflict);
}

TEST_F(PredictionLogTest, RefusesSegmentsWithoutRoom) {
  const auto log =
      PredictionLog::open({.folder = folder_.path(), .segment_max = 10}, clock_, metrics_);
  ASSERT_FALSE(log.has_value());
  EXPECT_EQ(log.error().code, core::ErrorCode::kInvalidArgument);
}

TEST_F(PredictionLogTest, CutsATornTailAtWhateverByteItEnds) {
  write(3);
  const std::filesystem::path file = segment_files(folder_.path()).front();
  const std::string whole = *core::read_file(file);
  write(1);
  const std::string one_more = *core::read_file(segment_files(folder_.path()).back());
  // The last record of `whole`: all three have the same length.
  const std::size_t record = (one_more.size() - 32);  // schema and prediction
  std::filesystem::remove(segment_files(folder_.path()).back());
  const std::size_t schema_less = whole.size() - 32 - record;
  const std::size_t prediction_size = schema_less / 2;
  for (std::size_t cut = 1; cut < prediction_size; ++cut) {
    ASSERT_TRUE(core::write_file_atomically(file, whole.substr(0, whole.size() - cut)).has_value());
    EXPECT_EQ(read_all(folder_.path()).size(), 2U) << "reader, cut by " << cut;
    write(1);
    core::Error error;
    const auto read = read_all(folder_.path(), &error);
    EXPECT_EQ(read.size(), 3U) << "after recovery, cut by " << cut << ": " << error.message;
    EXPECT_EQ(std::filesystem::file_size(file), whole.size() - prediction_size);
    std::filesystem::remove(segment_files(folder_.path()).back());
  }
}

TEST_F(PredictionLogTest, RemovesASegmentWithoutAWholeHeader) {
  write(1);
  const std::filesystem::path file = segment_files(folder_.path()).front();
  const std::string whole = *core::read_file(file);
  for (std::size_t size = 0; size < 32; ++size) {
    ASSERT_TRUE(core::write_file_atomically(file, whole.substr(0, size)).has_value());
    EXPECT_TRUE(read_all(folder_.path()).empty());
  }
  write(1);
  EXPECT_EQ(read_all(folder_.path()).size(), 1U);
}

TEST_F(PredictionLogTest, PutsASegmentOfZerosAsideAndGoesOn) {
  // What a power cut leaves when the size of a new file is on disk and its bytes are not.
  for (const std::size_t size : {32U, 33U, 4096U}) {
    const TemporaryFolder folder;
    const auto zeros = folder.path() / "predictions-0000000007.log";
    ASSERT_TRUE(core::write_file_atomically(zeros, std::string(size, '\0')).has_value());
    core::Error error;
    EXPECT_TRUE(read_all(folder.path(), &error).empty());
    EXPECT_EQ(error.message, "") << "a reader takes it for a torn tail, too";
    auto log = PredictionLog::open({.folder = folder.path()}, clock_, metrics_);
    ASSERT_TRUE(log.has_value()) << log.error().message;
    (*log)->append(numbered_event(0).view());
    ASSERT_TRUE((*log)->flush().has_value());
    EXPECT_EQ(read_all(folder.path(), &error).size(), 1U);
    EXPECT_EQ(error.message, "");
    EXPECT_FALSE(std::filesystem::exists(zeros));
    EXPECT_EQ(std::filesystem::file_size(zeros.string() + ".damaged"), size);
  }
}

TEST_F(PredictionLogTest, KeepsTheRecordsBehindADamagedHeaderAndGoesOn) {
  write(2);
  const std::filesystem::path file = segment_files(folder_.path()).front();
  std::string bytes = *core::read_file(file);
  bytes[20] = static_cast<char>(bytes[20] ^ 1);
  ASSERT_TRUE(core::write_file_atomically(file, bytes).has_value());
  write(1);
  EXPECT_EQ(core::read_file(file).value(), bytes);
  EXPECT_EQ(segment_files(folder_.path()).size(), 2U);
  core::Error error;
  read_all(folder_.path(), &error);
  EXPECT_EQ(error.code, core::ErrorCode::kCorruption);
  EXPECT_NE(error.message.find("header"), std::string::npos) << error.message;
}

TEST_F(PredictionLogTest, DetectsEveryFlippedBitInsideALog) {
  write(4);
  write(1);  // so that the damaged segment is not the last
  const std::filesystem::path file = segment_files(folder_.path()).front();
  const std::string whole = *core::read_file(file);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string bytes = whole;
    bytes[i] = static_cast<char>(bytes[i] ^ (1 << (i % 8)));
    ASSERT_TRUE(core::write_file_atomically(file, bytes).has_value());
    core::Error error;
    read_all(folder_.path(), &error);
    EXPECT_FALSE(error.message.empty()) << "bit " << i % 8 << " of byte " << i;
    EXPECT_NE(error.message.find(file.filename().string()), std::string::npos);
  }
}

TEST_F(PredictionLogTest, KeepsGoodRecordsBehindADamagedOneAndNamesThePlace) {
  write(4);
  const std::filesystem::path file = segment_files(folder_.path()).front();
  std::string bytes = *core::read_file(file);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  ASSERT_TRUE(core::write_file_atomically(file, bytes).has_value());
  core::Error error;
  read_all(folder_.path(), &error);
  EXPECT_EQ(error.code, core::ErrorCode::kCorruption);
  EXPECT_NE(error.message.find("checksum"), std::string::npos) << error.message;
  write(1);  // opening must not cut what stands behind the damage
  EXPECT_EQ(core::read_file(file)->size(), bytes.size());
}

TEST_F(PredictionLogTest, RefusesSegmentsOfANewerFormat) {
  write(1);
  const std::filesystem::path file = segment_files(folder_.path()).front();
  std::string bytes = *core::read_file(file);
  bytes[8] = static_cast<char>(kSegmentVersion + 1);
  ASSERT_TRUE(core::write_file_atomically(file, bytes).has_value());
  core::Error error;
  read_all(folder_.path(), &error);
  EXPECT_EQ(error.code, core::ErrorCode::kUnimplemented) << error.message;
}

TEST_F(PredictionLogTest, ReadsWhileTheLogIsWritten) {
  const auto log = open({.folder = {}, .segment_max = 64 * 1024});
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < 5000; ++i) {
      log->append(numbered_event(i).view());
      if (i % 100 == 0) {
        EXPECT_TRUE(log->flush().has_value());
      }
    }
  });
  std::size_t before = 0;
  while (before < 4000) {
    core::Error error;
    const auto read = read_all(folder_.path(), &error);
    ASSERT_TRUE(error.message.empty()) << error.message;
    ASSERT_GE(read.size(), before);
    before = read.size();
    for (std::size_t i = 0; i < read.size(); ++i) {
      ASSERT_EQ(read[i].prediction_id, fmt::format("n{}", i));
    }
  }
  writer.join();
}

TEST_F(PredictionLogTest, TakesEventsFromManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  {
    const auto log = open({.folder = {}, .segment_max = 32 * 1024});
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          const int number = t * kEach + i;
          OwnedEvent event = numbered_event(static_cast<std::uint64_t>(number));
          event.version = i % 7;
          log->append(event.view());
          if (i % 500 == 0) {
            EXPECT_TRUE(log->flush().has_value());
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  core::Error error;
  const auto read = read_all(folder_.path(), &error);
  EXPECT_TRUE(error.message.empty()) << error.message;
  std::vector<std::string> ids;
  for (const LoggedPrediction& prediction : read) ids.push_back(prediction.prediction_id);
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(kThreads * kEach));
}

TEST_F(PredictionLogTest, CountsEventsTooLargeForTheBuffer) {
  const auto log = open({.folder = {}, .buffer_events = 64});
  OwnedEvent event;
  event.entity = std::string(100'000, 'x');
  log->append(event.view());
  EXPECT_EQ(metrics_.counter("tenure_prediction_events_dropped_total", "").value(), 1U);
  ASSERT_TRUE(log->flush().has_value());
  EXPECT_TRUE(read_all(folder_.path()).empty());
}

TEST_F(PredictionLogTest, TakesARecordThatIsBeingWrittenForWholeOnceItIs) {
  write(3);
  const std::string whole = *core::read_file(segment_files(folder_.path()).front());
  std::vector<std::string> payloads;
  SegmentScanner steady(bytes_source(whole));
  for (auto next = steady.next(); next && *next; next = steady.next())
    payloads.emplace_back(**next);
  ASSERT_EQ(payloads.size(), 4U);  // the schema and three predictions
  for (std::size_t early = 0; early < whole.size(); ++early) {
    // The write ends between the scanner's two looks at the tail.
    std::string_view visible = std::string_view(whole).substr(0, early);
    SegmentScanner scanner([&](std::uint64_t offset, std::size_t size) {
      return bytes_source(visible)(offset, size);
    });
    std::vector<std::string> seen;
    for (int looks = 0; looks < 20; ++looks) {
      const auto payload = scanner.next();
      ASSERT_TRUE(payload.has_value());
      if (payload->has_value()) {
        seen.emplace_back(**payload);
        continue;
      }
      if (scanner.damage().empty()) break;  // cut between two records: nothing to look at twice
      visible = whole;
      const auto beyond = scanner.look_beyond();
      ASSERT_TRUE(beyond.has_value());
      ASSERT_EQ(*beyond, SegmentScanner::Beyond::kGrown) << "cut at " << early;
    }
    EXPECT_TRUE(scanner.damage().empty()) << "cut at " << early;
    const bool is_between = visible.size() == early;
    EXPECT_EQ(seen, std::vector<std::string>(
                        payloads.begin(),
                        is_between ? payloads.begin() + std::ssize(seen) : payloads.end()))
        << "cut at " << early;
  }
}

/// How often the writer comes between two syncs is its own affair; that it does is seen in the
/// file.
TEST_F(PredictionLogTest, WritesEventsUnderLoadLongBeforeTheyAreSynced) {
  PredictionLogOptions options;
  options.sync_interval = 60 * core::kMicrosPerSecond;
  const auto log = open(options);
  log->append(numbered_event(0).view());
  ASSERT_TRUE(log->flush().has_value());
  const core::Counter& written = metrics_.counter("tenure_prediction_events_written_total", "");
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  std::uint64_t appended = 1;
  while (read_all(folder_.path()).size() < 3 && std::chrono::steady_clock::now() < until) {
    log->append(numbered_event(appended++).view());
    std::this_thread::yield();
  }
  EXPECT_GE(read_all(folder_.path()).size(), 3U);
  EXPECT_EQ(written.value(), 1U);  // synced
  ASSERT_TRUE(log->flush().has_value());
  EXPECT_EQ(written.value(), appended);
  EXPECT_EQ(read_all(folder_.path()).size(), appended);
}

TEST(SegmentScanner, SurvivesTheSeedsOfTheFuzzerWithEveryBitFlipped) {
  const auto folder = std::filesystem::path(__FILE__).parent_path() / "corpus" / "prediction_log";
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string original = *core::read_file(entry.path());
    for (std::size_t i = 0; i < original.size() * 8; ++i) {
      std::string bytes = original;
      bytes[i / 8] = static_cast<char>(bytes[i / 8] ^ (1 << (i % 8)));
      SegmentScanner scanner(bytes_source(bytes));
      RecordDecoder decoder;
      LoggedPrediction prediction;
      while (true) {
        const auto payload = scanner.next();
        if (!payload || !payload->has_value()) break;
        EXPECT_TRUE(decoder.decode(**payload, prediction).has_value());
      }
      // And a payload whose bits are wrong although its frame is right.
      if (bytes.size() > 1) {
        RecordDecoder damaged;
        static_cast<void>(damaged.decode(std::string_view(bytes).substr(1), prediction));
      }
    }
    ++files;
  }
  EXPECT_EQ(files, 2);
}

}  // namespace
}  // namespace tenure::monitoring
