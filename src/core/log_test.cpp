#include "core/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "core/time_format.h"

namespace tenure::core {
namespace {

using testing::HasSubstr;

/// What was written to standard error while `body` ran.
template <typename Body>
std::string captured(LogOptions options, Body body) {
  testing::internal::CaptureStderr();
  set_up_logging(options);
  body();
  std::string text = testing::internal::GetCapturedStderr();
  set_up_logging({});
  return text;
}

TEST(Log, WritesOneEcsObjectALine) {
  const std::string text = captured({LogLevel::kInfo, LogFormat::kJson}, [] {
    log_warn("serving", "line\n\"two\"",
             {{"run_id", "r1"}, {"rows", std::int64_t{7}}, {"share", 0.5}, {"ok", true}});
  });
  ASSERT_EQ(text.find('\n'), text.size() - 1);
  const auto line = parse_json(text);
  ASSERT_TRUE(line.has_value()) << text;
  EXPECT_EQ(json_text(*line, "message").value(), "line\n\"two\"");
  EXPECT_EQ(json_text(*line, "log.level").value(), "warn");
  EXPECT_EQ(json_text(*line, "log.logger").value(), "serving");
  EXPECT_EQ(json_text(*line, "ecs.version").value(), "8.11.0");
  EXPECT_EQ(json_text(*line, "run_id").value(), "r1");
  EXPECT_EQ(json_integer(*line, "rows").value(), 7);
  EXPECT_EQ(json_number(*line, "share").value(), 0.5);
  EXPECT_TRUE(json_boolean(*line, "ok").value());
  EXPECT_TRUE(parse_time(json_text(*line, "@timestamp").value()).has_value());
}

TEST(Log, AutoIsJsonOffATerminal) {
  const std::string text =
      captured({LogLevel::kInfo, LogFormat::kAuto}, [] { log_info("x", "hello"); });
  EXPECT_TRUE(parse_json(text).has_value()) << text;
}

TEST(Log, WritesTextForPeople) {
  const std::string text = captured({LogLevel::kInfo, LogFormat::kText}, [] {
    log_error("pipelines", "failed", {{"step", "train it"}});
  });
  EXPECT_THAT(text, HasSubstr("pipelines: failed  step=\"train it\""));
}

TEST(Log, DropsLinesBelowTheLevel) {
  const std::string text = captured({LogLevel::kWarn, LogFormat::kText}, [] {
    log_info("x", "quiet");
    log_warn("x", "loud");
  });
  EXPECT_THAT(text, testing::AllOf(HasSubstr("loud"), testing::Not(HasSubstr("quiet"))));
  EXPECT_EQ(captured({LogLevel::kOff, LogFormat::kText}, [] { log_error("x", "even this"); }), "");
}

TEST(Log, ReadsLevelsAndFormats) {
  EXPECT_EQ(parse_log_level("debug").value(), LogLevel::kDebug);
  EXPECT_EQ(parse_log_format("json").value(), LogFormat::kJson);
  EXPECT_THAT(parse_log_level("loud").error().message, HasSubstr("'loud'"));
  EXPECT_THAT(parse_log_format("xml").error().message, HasSubstr("auto, text or json"));
}

}  // namespace
}  // namespace tenure::core
