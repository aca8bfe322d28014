#include "core/log.h"

#include <atomic>
#include <memory>
#include <unistd.h>

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/spdlog.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/time_format.h"

namespace tenure::core {
namespace {

struct Logging {
  std::shared_ptr<spdlog::logger> sink;
  LogLevel level;
  bool is_json;
};

std::shared_ptr<spdlog::logger> make_sink(bool is_json) {
  auto sink = std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>();
  auto logger = std::make_shared<spdlog::logger>("tenure", std::move(sink));
  logger->set_level(spdlog::level::trace);
  logger->set_pattern(is_json ? "%v" : "%H:%M:%S.%e %^%-7l%$ %v");
  logger->flush_on(spdlog::level::trace);
  return logger;
}

std::shared_ptr<const Logging> make_logging(LogOptions options) {
  const bool is_json = options.format == LogFormat::kJson ||
                       (options.format == LogFormat::kAuto && ::isatty(STDERR_FILENO) == 0);
  return std::make_shared<Logging>(Logging{make_sink(is_json), options.level, is_json});
}

/// The one process-wide object: where lines go. Swapped whole, so writers never see half a change.
std::atomic<std::shared_ptr<const Logging>>& current() {
  static std::atomic<std::shared_ptr<const Logging>> logging{
      make_logging({LogLevel::kInfo, LogFormat::kText})};
  return logging;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      break;
  }
  return spdlog::level::off;
}

std::string_view level_name(LogLevel level) {
  constexpr std::string_view kNames[] = {"debug", "info", "warn", "error", "off"};
  return kNames[static_cast<std::size_t>(level)];
}

Json to_json(const LogField& field) {
  return std::visit([](const auto& value) { return Json(value); }, field.value);
}

std::string json_line(LogLevel level, std::string_view logger, std::string_view message,
                      std::initializer_list<LogField> fields) {
  JsonObject line;
  line["@timestamp"] = format_utc(SystemClock().now());
  line["log.level"] = level_name(level);
  line["message"] = message;
  line["ecs.version"] = "8.11.0";
  line["service.name"] = "tenure";
  line["log.logger"] = logger;
  line["process.pid"] = static_cast<std::int64_t>(::getpid());
  for (const LogField& field : fields) line[field.name] = to_json(field);
  return to_text(line);
}

std::string text_line(std::string_view logger, std::string_view message,
                      std::initializer_list<LogField> fields) {
  std::string line = fmt::format("{}: {}", logger, message);
  for (const LogField& field : fields)
    line += fmt::format("  {}={}", field.name, to_text(to_json(field)));
  return line;
}

}  // namespace

void set_up_logging(LogOptions options) {
  current().store(make_logging(options));
}

Result<LogLevel> parse_log_level(std::string_view text) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError, LogLevel::kOff})
    if (level_name(level) == text) return level;
  return Error{
      ErrorCode::kInvalidArgument,
      fmt::format("'{}' is not a log level; expected debug, info, warn, error or off", text)};
}

Result<LogFormat> parse_log_format(std::string_view text) {
  if (text == "auto") return LogFormat::kAuto;
  if (text == "text") return LogFormat::kText;
  if (text == "json") return LogFormat::kJson;
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("'{}' is not a log format; expected auto, text or json", text)};
}

void log(LogLevel level, std::string_view logger, std::string_view message,
         std::initializer_list<LogField> fields) {
  const auto logging = current().load();
  if (level < logging->level || level == LogLevel::kOff) return;
  const std::string line = logging->is_json ? json_line(level, logger, message, fields)
                                            : text_line(logger, message, fields);
  logging->sink->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace tenure::core
