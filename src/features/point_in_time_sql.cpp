#include "features/point_in_time_sql.h"

#include <fmt/core.h>

namespace tenure::features {
namespace {

std::string feature_list(const JoinParts& parts, std::string_view relation) {
  std::string list;
  for (std::size_t i = 0; i < parts.feature_count; ++i)
    list += fmt::format(", {}.__f{}", relation, i);
  return list;
}

std::string entity_rows(const JoinParts& parts) {
  return fmt::format("(SELECT rowid AS __row, {} AS __key, {} AS __time FROM {})", parts.entity_key,
                     parts.entity_time, parts.entities);
}

// Both bounds are inclusive; the upper one is the ASOF condition.
std::string ttl_condition(const JoinParts& parts, std::string_view source) {
  if (parts.ttl == 0) return "";
  return fmt::format(" WHERE e.__time - {}.__time <= {}", source, parts.ttl);
}

constexpr std::string_view kHasKeyAndTime = "__key IS NOT NULL AND __time IS NOT NULL";

}  // namespace

std::string duplicate_count_query(const JoinParts& parts) {
  return fmt::format(
      "SELECT count(*) FROM (SELECT 1 FROM ({}) WHERE {} GROUP BY __key, __time HAVING count(*) > "
      "1)",
      parts.source, kHasKeyAndTime);
}

std::string join_unique_query(const JoinParts& parts) {
  return fmt::format(
      "SELECT e.__row, false AS __is_tied{} FROM {} e ASOF JOIN ({}) s "
      "ON e.__key = s.__key AND e.__time >= s.__time{}",
      feature_list(parts, "s"), entity_rows(parts), parts.source, ttl_condition(parts, "s"));
}

std::string join_ranked_query(const JoinParts& parts) {
  const std::string_view created = parts.has_created ? "__created DESC NULLS LAST, " : "";
  const std::string_view group = parts.has_created ? ", __created" : "";
  // Only rows that share key and time are ranked; there are few.
  return fmt::format(
      "WITH src AS ({0}), "
      "shared AS MATERIALIZED (SELECT __order,"
      " row_number() OVER (PARTITION BY __key, __time ORDER BY {1}__order DESC) AS place,"
      " count(*) OVER (PARTITION BY __key, __time{2}) AS equals"
      " FROM src SEMI JOIN (SELECT __key, __time FROM src WHERE {3} GROUP BY ALL"
      " HAVING count(*) > 1) d USING (__key, __time)), "
      "s AS (SELECT src.*, coalesce(shared.equals, 1) > 1 AS tied FROM src LEFT JOIN shared USING"
      " (__order) WHERE coalesce(shared.place, 1) = 1) "
      "SELECT e.__row, s.tied AS __is_tied{4} FROM {5} e ASOF JOIN s "
      "ON e.__key = s.__key AND e.__time >= s.__time{6}",
      parts.source, created, group, kHasKeyAndTime, feature_list(parts, "s"), entity_rows(parts),
      ttl_condition(parts, "s"));
}

std::string join_created_query(const JoinParts& parts) {
  // A row is usable from the later of its two times on. The best row among the usable ones of a key
  // is a running maximum over that time, so an ASOF join on it finds the best row of each entity.
  return fmt::format(
      "WITH src AS MATERIALIZED (SELECT * FROM ({0}) WHERE {1} AND __created IS NOT NULL), "
      "ranked AS (SELECT __key, __time, __created, __order, greatest(__time, __created) AS usable,"
      " count(*) OVER (PARTITION BY __key, __time, __created) > 1 AS tied FROM src), "
      "best AS (SELECT __key, usable, max(struct_pack(a := __time, b := __created, c := __order,"
      " tied := tied)) OVER (PARTITION BY __key ORDER BY usable) AS top FROM ranked) "
      "SELECT e.__row, m.top.tied AS __is_tied{2} FROM {3} e ASOF JOIN best m "
      "ON e.__key = m.__key AND e.__time >= m.usable JOIN src s ON s.__order = m.top.c{4}",
      parts.source, kHasKeyAndTime, feature_list(parts, "s"), entity_rows(parts),
      ttl_condition(parts, "s"));
}

}  // namespace tenure::features
