#include "tracking/run_name.h"

#include <array>
#include <cstdint>

#include <fmt/format.h>

namespace tenure::tracking {
namespace {

// Eight letters at most, so that a name never exceeds 20 characters.
constexpr auto kAdjectives = std::to_array<std::string_view>(
    {"able",   "amber",  "brave",  "bright", "calm",    "clear",  "clever", "cosy",
     "crisp",  "eager",  "early",  "fair",   "fluent",  "fresh",  "gentle", "glad",
     "golden", "honest", "humble", "keen",   "kind",    "lively", "loyal",  "mellow",
     "merry",  "modest", "nimble", "noble",  "patient", "placid", "polite", "proud",
     "quick",  "quiet",  "ready",  "rosy",   "serene",  "silver", "steady", "sunny",
     "swift",  "tidy",   "upbeat", "vivid",  "warm",    "wise",   "witty",  "zesty"});
constexpr auto kNouns = std::to_array<std::string_view>(
    {"alder",   "badger", "beech",  "birch",  "brook",  "cedar",   "coral",   "crane",
     "cypress", "dune",   "falcon", "fern",   "finch",  "fjord",   "glade",   "grove",
     "harbor",  "hazel",  "heron",  "inlet",  "island", "juniper", "kestrel", "lake",
     "larch",   "linden", "lynx",   "maple",  "marten", "meadow",  "moss",    "oak",
     "otter",   "pebble", "pine",   "plover", "reef",   "ridge",   "robin",   "sparrow",
     "spruce",  "stone",  "swan",   "thrush", "valley", "willow",  "wren",    "yew"});

/// FNV-1a (Fowler, Noll, Vo), 64 bits.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 14695981039346656037ULL;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return value;
}

}  // namespace

std::string run_name_for(std::string_view run_id) {
  std::uint64_t bits = hash(run_id);
  const std::string_view adjective = kAdjectives[bits % kAdjectives.size()];
  bits /= kAdjectives.size();
  const std::string_view noun = kNouns[bits % kNouns.size()];
  bits /= kNouns.size();
  return fmt::format("{}-{}-{}", adjective, noun, bits % 1000);
}

}  // namespace tenure::tracking
