#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "core/result.h"

namespace tenure::core {

enum class LogLevel { kDebug, kInfo, kWarn, kError, kOff };

enum class LogFormat {
  kAuto,  ///< text when standard error is a terminal, JSON otherwise
  kText,
  kJson,  ///< Elastic Common Schema 8.11, one object a line: @timestamp, log.level, message,
          ///< ecs.version, ...
};

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kAuto;
};

/// One field of a structured log line: `{"run_id", id}`. Names are ECS names where ECS has one.
struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, double, bool> value;
};

/// Sets up logging to standard error for the whole process. Call once, first thing in main; without
/// it lines are text at level info. Standard output is never logged to: it belongs to the answers
/// of commands.
void set_up_logging(LogOptions options);

Result<LogLevel> parse_log_level(std::string_view text);    ///< debug, info, warn, error, off
Result<LogFormat> parse_log_format(std::string_view text);  ///< auto, text, json

/// Writes one line, or nothing below the level. Thread-safe. `logger` is the domain: "serving",
/// "pipelines".
void log(LogLevel level, std::string_view logger, std::string_view message,
         std::initializer_list<LogField> fields = {});

inline void log_info(std::string_view logger, std::string_view message,
                     std::initializer_list<LogField> fields = {}) {
  log(LogLevel::kInfo, logger, message, fields);
}
inline void log_warn(std::string_view logger, std::string_view message,
                     std::initializer_list<LogField> fields = {}) {
  log(LogLevel::kWarn, logger, message, fields);
}
inline void log_error(std::string_view logger, std::string_view message,
                      std::initializer_list<LogField> fields = {}) {
  log(LogLevel::kError, logger, message, fields);
}

}  // namespace tenure::core
