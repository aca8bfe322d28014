#include "core/time_format.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/clock.h"

namespace tenure::core {
namespace {

constexpr Micros kJanuaryFifth = 1'704'412'800 * kMicrosPerSecond;  // 2024-01-05T00:00:00Z
constexpr Micros kYear0001 = -62'135'596'800 * kMicrosPerSecond;
constexpr Micros kYear9999End = 253'402'300'800 * kMicrosPerSecond;

TEST(FormatUtc, LeavesOutAFractionOfZero) {
  EXPECT_EQ(format_utc(kJanuaryFifth), "2024-01-05T00:00:00Z");
  EXPECT_EQ(format_utc(kJanuaryFifth + 250'000), "2024-01-05T00:00:00.250000Z");
  EXPECT_EQ(format_utc(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(format_utc_plain(kJanuaryFifth), "2024-01-05 00:00:00.000000");
}

TEST(ParseTime, ReadsTheFormsOfIso8601) {
  for (const char* text :
       {"2024-01-05", "2024-01-05T00:00:00", "2024-01-05 00:00", "2024-01-05T00:00:00Z",
        "2024-01-05T00:00:00.000Z", "2024-01-05T05:30:00+05:30", "2024-01-05T05:30+0530",
        "2024-01-04T19:00:00-05", "2024-01-05T00:00:00z"}) {
    const auto time = parse_time(text);
    ASSERT_TRUE(time.has_value()) << text;
    EXPECT_EQ(*time, kJanuaryFifth) << text;
  }
  EXPECT_EQ(*parse_time("2024-02-29"), *parse_time("2024-02-28") + 86'400 * kMicrosPerSecond);
  EXPECT_EQ(*parse_time("1970-01-01T00:00:00.1234567"), 123'456);
}

TEST(ParseTime, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "2024", "2024-1-5", "2023-02-29", "2024-13-01", "2024-00-10", "2024-01-32",
        "2024-01-05T", "2024-01-05T24:00:00", "2024-01-05T23:60", "2024-01-05T23:59:60",
        "2024-01-05T00:00:00.", "2024-01-05T00:00:00+5", "2024-01-05T00:00:00+24:00",
        "2024-01-05T00:00:00Zx", "2024-01-05X00:00", "yesterday", "+024-01-05", " 2024-01-05"}) {
    const auto time = parse_time(text);
    ASSERT_FALSE(time.has_value()) << text;
    EXPECT_EQ(time.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(time.error().message.find(text), std::string::npos);
  }
}

RC_GTEST_PROP(ParseTime, ReadsWhatFormatUtcWrote, ()) {
  const Micros time = *rc::gen::inRange<Micros>(kYear0001, kYear9999End);
  RC_ASSERT(parse_time(format_utc(time)).value() == time);
  RC_ASSERT(parse_time(format_utc_plain(time)).value() == time);
}

RC_GTEST_PROP(ParseTime, BearsAnyText, (const std::string& text)) {
  const auto time = parse_time(text);
  RC_ASSERT(time.has_value() || time.error().code == ErrorCode::kInvalidArgument);
}

RC_GTEST_PROP(ParseTime, OrdersTextsAsTimes, ()) {
  const Micros a = *rc::gen::inRange<Micros>(kYear0001, kYear9999End);
  const Micros b = *rc::gen::inRange<Micros>(kYear0001, kYear9999End);
  RC_ASSERT((format_utc_plain(a) < format_utc_plain(b)) == (a < b));
}

TEST(ParseDuration, ReadsUnits) {
  EXPECT_EQ(*parse_duration("250ms"), 250'000);
  EXPECT_EQ(*parse_duration("30s"), 30 * kMicrosPerSecond);
  EXPECT_EQ(*parse_duration("1.5m"), 90 * kMicrosPerSecond);
  EXPECT_EQ(*parse_duration("2h"), 7200 * kMicrosPerSecond);
  EXPECT_EQ(*parse_duration("7d"), 604'800 * kMicrosPerSecond);
  EXPECT_EQ(*parse_duration("15us"), 15);
  EXPECT_EQ(*parse_duration("2"), 2 * kMicrosPerSecond);
  EXPECT_EQ(*parse_duration("0"), 0);
}

TEST(ParseDuration, RefusesWhatIsNoDuration) {
  for (const char* text :
       {"", "s", "-1s", "1 s", "5 parsecs", "1w", "1e300d", "inf", "nan", "1s1s", "200000000d"}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration.has_value()) << text;
    EXPECT_EQ(duration.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(FormatDuration, IsForPeople) {
  EXPECT_EQ(format_duration(0.85), "850 ms");
  EXPECT_EQ(format_duration(12.44), "12.4 s");
  EXPECT_EQ(format_duration(185), "3 m 05 s");
}

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock(5);
  EXPECT_EQ(clock.now(), 5);
  clock.advance(10);
  EXPECT_EQ(clock.now(), 15);
  EXPECT_EQ(clock.monotonic_ns(), 15'000);
  clock.set(1);
  EXPECT_EQ(clock.now(), 1);
}

TEST(SystemClock, NeverGoesBackWhenMonotonic) {
  const SystemClock clock;
  std::int64_t last = clock.monotonic_ns();
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t now = clock.monotonic_ns();
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_GT(clock.now(), kJanuaryFifth);
}

}  // namespace
}  // namespace tenure::core
