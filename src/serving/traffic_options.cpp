#include "serving/traffic_options.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace tenure::serving {
namespace {

/// What fits a std::string without asking the heap, so that a header with it does not, either.
constexpr std::size_t kNameMax = 15;

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameMax && std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_';
  });
}

core::Result<ArmOptions> read_arm(const core::Config& arms, const std::string& name,
                                  std::string_view champion) {
  const core::Config section = arms.entry(name);
  ArmOptions arm;
  arm.name = name;
  if (!is_name(name))
    return section.error_at(
        "percent", fmt::format("an arm's name has 1 to {} letters, digits, '-' or '_'", kNameMax));
  arm.version = section.integer("version");
  if (arm.version != 0 && section.is_set("alias"))
    return section.error_at("alias", "an arm follows an alias or stays on a version, not both");
  arm.alias = arm.version != 0 ? "" : section.is_set("alias") ? section.text("alias") : name;
  if (name == champion || arm.alias == champion)
    return section.error_at("alias", fmt::format("'{}' is what is served already (serving.alias); "
                                                 "it has what the arms leave",
                                                 champion));
  const double slots = section.number("percent") * (kTrafficSlots / 100.0);
  if (std::abs(slots - std::round(slots)) > 1e-6)
    return section.error_at("percent", "has at most two decimals");
  arm.slots = static_cast<std::uint32_t>(std::round(slots));
  arm.is_shadow = section.boolean("shadow");
  if (arm.is_shadow && arm.slots != 0)
    return section.error_at("percent", "a shadow answers nobody; leave its share out");
  arm.is_guarded = section.boolean("guard") && !arm.is_shadow;
  return arm;
}

}  // namespace

std::uint32_t traffic_slot(std::string_view salt, std::string_view id) {
  // FNV-1a, then the finalizer of MurmurHash3 (both public domain), for its low bits alone would
  // depend on the last letters.
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  const auto mix = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001B3ULL; };
  for (const char c : salt) mix(static_cast<unsigned char>(c));
  mix(0xFF);  // in no UTF-8 text: "a" + "bc" is not "ab" + "c"
  for (const char c : id) mix(static_cast<unsigned char>(c));
  hash = (hash ^ (hash >> 33)) * 0xFF51AFD7ED558CCDULL;
  hash = (hash ^ (hash >> 33)) * 0xC4CEB9FE1A85EC53ULL;
  hash ^= hash >> 33;
  return static_cast<std::uint32_t>(hash % kTrafficSlots);
}

core::Result<TrafficOptions> TrafficOptions::from_config(const core::Config& config) {
  const core::Config section = config.at("serving.traffic");
  TrafficOptions options;
  options.salt = section.text("salt");
  options.guard = {.window = section.duration("guard.window"),
                   .answers_min = static_cast<std::uint64_t>(section.integer("guard.answers_min")),
                   .fallback_margin = section.number("guard.fallback_margin"),
                   .latency_margin = section.duration("guard.latency_margin"),
                   .mean_margin = section.number("guard.mean_margin"),
                   .psi_max = section.number("guard.psi_max"),
                   .labels_min = static_cast<std::uint64_t>(section.integer("guard.labels_min")),
                   .calibration_margin = section.number("guard.calibration_margin"),
                   .brier_margin = section.number("guard.brier_margin"),
                   .false_alarm_risk = section.number("guard.false_alarm_risk")};
  const core::Config arms = section.at("arms");
  std::uint32_t slots = 0;
  for (const std::string& name : section.names("arms")) {
    auto arm = read_arm(arms, name, config.text("serving.alias"));
    if (!arm) return std::move(arm).error();
    slots += arm->slots;
    if (slots > kTrafficSlots)
      return arms.entry(name).error_at("percent", "the shares of the arms are more than 100");
    options.arms.push_back(*std::move(arm));
  }
  return options;
}

}  // namespace tenure::serving
