#pragma once

#include <string>

#include "core/clock.h"

namespace tenure::features {

/// The parts of one view's join. All are SQL text, safe to put together.
struct JoinParts {
  std::string entities;       ///< relation with rowid, the key column and the timestamp
  std::string entity_key;     ///< expression over the relation, cast to the key's type
  std::string entity_time;    ///< expression, BIGINT, microseconds since 1970 UTC
  std::string source;         ///< a source_query
  std::size_t feature_count;  ///< columns __f0 ... of it
  bool has_created = false;
  core::Micros ttl = 0;
};

/// Counts (key, time) pairs with several source rows: 0 allows join_unique_query.
std::string duplicate_count_query(const JoinParts& parts);

/// All three answer __row (rowid of the entity row), __is_tied, __f0, __f1, ... for entity rows
/// that have a match, in any order.

/// For sources with at most one row per key and time: one ASOF join.
std::string join_unique_query(const JoinParts& parts);

/// For any source: of the rows of one key and time, the one latest created, then last in source
/// order, enters the ASOF join.
std::string join_ranked_query(const JoinParts& parts);

/// As above, and a row counts only from its created time on. Needs has_created.
std::string join_created_query(const JoinParts& parts);

}  // namespace tenure::features
