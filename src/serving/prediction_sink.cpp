#include "serving/prediction_sink.h"

namespace tenure::serving {

std::string_view level_name(Level level) {
  switch (level) {
    case Level::kPrimary:
      return "primary";
    case Level::kSecondary:
      return "secondary";
    case Level::kRules:
      return "rules";
    case Level::kBaseRate:
      return "base_rate";
  }
  return "unknown";
}

}  // namespace tenure::serving
