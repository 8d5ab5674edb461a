// SPDX-License-Identifier: MIT
#include "storage/check_rules.hpp"

#include <fmt/core.h>

namespace bluefin {
namespace {

// SQL for a column's value in a message; of text and blobs the beginning.
std::string shown_in_sql(std::string_view column) {
  return fmt::format("CASE WHEN typeof({0}) IN ('text', 'blob') THEN quote(substr({0}, 1, 40)) ELSE quote({0}) END",
                     column);
}

// A row without the one that it belongs to. `owner` is "study" or "trial".
CheckRule orphan(std::string_view table, std::string_view key, std::string_view owner) {
  const std::string_view owners = owner == "study" ? "studies" : "trials";
  return {table, key,
          fmt::format("SELECT {1}, '{2}_id = ' || coalesce({2}_id, 'NULL') || ', expected the id of a {2}' FROM {0} c "
                      "WHERE NOT EXISTS (SELECT 1 FROM {3} o WHERE o.{2}_id=c.{2}_id) ORDER BY 1",
                      table, key, owner, owners)};
}

// A number and the word for its kind, in the columns `value` and `value`_type.
CheckRule number_and_kind(std::string_view table, std::string_view key, std::string_view value, bool can_be_nan) {
  return {table, key,
          fmt::format("SELECT {1}, '{2}_type = ' || {5} || ' with {2} = ' || "
                      "{6} || ', expected FINITE with a number, or {3} with NULL' FROM {0} WHERE "
                      "CASE WHEN {2}_type='FINITE' THEN typeof({2}) NOT IN ('real', 'integer') OR "
                      "abs({2})>1.7976931348623157e308 ELSE {2}_type IS NULL OR {2}_type NOT IN ({4}) OR {2} IS NOT "
                      "NULL END ORDER BY 1",
                      table, key, value, can_be_nan ? "INF_POS, INF_NEG or NAN" : "INF_POS or INF_NEG",
                      can_be_nan ? "'INF_POS', 'INF_NEG', 'NAN'" : "'INF_POS', 'INF_NEG'",
                      shown_in_sql(fmt::format("{}_type", value)), shown_in_sql(value))};
}

// Rows that are not counted 0, 1, ... within what they belong to.
CheckRule counted(std::string_view table, std::string_view key, std::string_view owner) {
  return {table, key,
          fmt::format("SELECT id, 'objective = ' || {3} || ', expected ' || expected FROM "
                      "(SELECT {1} AS id, objective, row_number() OVER (PARTITION BY {2}_id ORDER BY objective)-1 AS "
                      "expected FROM {0}) WHERE objective IS NOT expected ORDER BY 1",
                      table, key, owner, shown_in_sql("objective"))};
}

std::vector<CheckRule> make_rules() {
  return {
      orphan("study_directions", "study_direction_id", "study"),
      orphan("study_user_attributes", "study_user_attribute_id", "study"),
      orphan("study_system_attributes", "study_system_attribute_id", "study"),
      orphan("trials", "trial_id", "study"),
      orphan("trial_user_attributes", "trial_user_attribute_id", "trial"),
      orphan("trial_system_attributes", "trial_system_attribute_id", "trial"),
      orphan("trial_params", "param_id", "trial"),
      orphan("trial_values", "trial_value_id", "trial"),
      orphan("trial_intermediate_values", "trial_intermediate_value_id", "trial"),
      orphan("trial_heartbeats", "trial_heartbeat_id", "trial"),

      {"version_info", "version_info_id",
       "SELECT version_info_id, 'version_info_id = ' || version_info_id || ', expected 1' FROM version_info WHERE "
       "version_info_id<>1 ORDER BY 1"},
      {"studies", "study_id",
       "SELECT study_id, 'study_name = ' || " + shown_in_sql("study_name") +
           " || ', expected a name that no other "
           "study has' FROM studies s WHERE typeof(study_name)<>'text' OR EXISTS (SELECT 1 FROM studies o WHERE "
           "o.study_name=s.study_name AND o.study_id<s.study_id) ORDER BY 1"},
      {"studies", "study_id",
       "SELECT study_id, 'no directions, expected one for each objective' FROM studies s WHERE NOT EXISTS "
       "(SELECT 1 FROM study_directions d WHERE d.study_id=s.study_id) ORDER BY 1"},
      {"study_directions", "study_direction_id",
       "SELECT study_direction_id, 'direction = ' || " + shown_in_sql("direction") +
           " || ', expected NOT_SET, "
           "MINIMIZE or MAXIMIZE' FROM study_directions WHERE direction IS NULL OR "
           "direction NOT IN ('NOT_SET', 'MINIMIZE', 'MAXIMIZE') ORDER BY 1"},
      counted("study_directions", "study_direction_id", "study"),

      {"trials", "trial_id",
       "SELECT trial_id, 'state = ' || " + shown_in_sql("state") +
           " || ', expected RUNNING, COMPLETE, PRUNED, FAIL "
           "or WAITING' FROM trials WHERE state IS NULL OR "
           "state NOT IN ('RUNNING', 'COMPLETE', 'PRUNED', 'FAIL', 'WAITING') ORDER BY 1"},
      // Against the trial before, so that a gap is one finding.
      {"trials", "trial_id",
       "SELECT id, 'number = ' || " + shown_in_sql("number") +
           " || ', expected ' || coalesce(expected, 'a number') "
           "FROM (SELECT trial_id AS id, number, CASE row_number() OVER w WHEN 1 THEN 0 ELSE lag(number) OVER w + 1 "
           "END AS expected FROM trials WHERE study_id IN (SELECT study_id FROM studies) WINDOW w AS (PARTITION BY "
           "study_id ORDER BY trial_id)) "
           "WHERE typeof(number)<>'integer' OR number<>expected ORDER BY 1"},
      {"trials", "trial_id",
       "SELECT trial_id, 'datetime_complete = NULL, expected a time in a ' || state || ' trial' FROM trials "
       "WHERE state IN ('COMPLETE', 'PRUNED', 'FAIL') AND datetime_complete IS NULL ORDER BY 1"},
      {"trials", "trial_id",
       "SELECT trial_id, 'datetime_complete = ' || " + shown_in_sql("datetime_complete") +
           " || ', expected NULL in a "
           "' || state || ' trial' FROM trials WHERE state IN ('RUNNING', 'WAITING') AND datetime_complete IS NOT "
           "NULL ORDER BY 1"},
      {"trials", "trial_id",
       "SELECT trial_id, 'datetime_start = NULL, expected a time in a RUNNING trial' FROM trials "
       "WHERE state='RUNNING' AND datetime_start IS NULL ORDER BY 1"},
      {"trials", "trial_id",
       "SELECT trial_id, 'number of values = ' || n_values || ', expected ' || n_objectives || ' in a COMPLETE trial' "
       "FROM "
       "(SELECT trial_id, (SELECT count(*) FROM trial_values v WHERE v.trial_id=t.trial_id) AS n_values, "
       "(SELECT count(*) FROM study_directions d WHERE d.study_id=t.study_id) AS n_objectives FROM trials t "
       "WHERE state='COMPLETE') WHERE n_values<>n_objectives ORDER BY 1"},

      number_and_kind("trial_values", "trial_value_id", "value", false),
      counted("trial_values", "trial_value_id", "trial"),
      {"trial_values", "trial_value_id",
       "SELECT v.trial_value_id, 'objective = ' || v.objective || ', expected one below ' || "
       "(SELECT count(*) FROM study_directions d WHERE d.study_id=t.study_id) FROM trial_values v "
       "CROSS JOIN trials t ON t.trial_id=v.trial_id WHERE t.state<>'COMPLETE' AND typeof(v.objective)='integer' "
       "AND v.objective>=(SELECT count(*) FROM study_directions d WHERE d.study_id=t.study_id) ORDER BY 1"},
      {"trial_values", "trial_value_id",
       "SELECT v.trial_value_id, 'a value in a ' || t.state || ' trial, expected none before it has ended' FROM "
       "trial_values v CROSS JOIN trials t ON t.trial_id=v.trial_id WHERE t.state IN ('RUNNING', 'WAITING') "
       "ORDER BY 1"},
      number_and_kind("trial_intermediate_values", "trial_intermediate_value_id", "intermediate_value", true),
      {"trial_intermediate_values", "trial_intermediate_value_id",
       "SELECT trial_intermediate_value_id, 'step = ' || " + shown_in_sql("step") +
           " || ', expected an integer' "
           "FROM trial_intermediate_values WHERE typeof(step)<>'integer' ORDER BY 1"},
  };
}

}  // namespace

const std::vector<CheckRule>& check_rules() {
  static const std::vector<CheckRule> rules = make_rules();
  return rules;
}

}  // namespace bluefin
