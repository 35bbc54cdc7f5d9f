//! What is asked for each letter or each file goes by a key: no statement may read all of a table, however much is in it.
#![allow(clippy::unwrap_used)]

use std::string::String;
use std::vec::Vec;

use super::rows::{EMPTY, ENTRY, FILES_OF, IS_AWAITED, IS_FILE_AWAITED, sql};
use super::sending::{TAKE, TAKEN_LAST};
use crate::freshness::database::Database;

#[test]
fn every_statement_goes_by_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path().join("outbox")).unwrap();
    let taken = std::format!("{ENTRY} {TAKEN_LAST}");
    for statement in [IS_AWAITED, IS_FILE_AWAITED, FILES_OF, EMPTY, TAKE, &taken] {
        let plan = plan(&database, statement);
        assert!(plan.iter().any(|step| step.contains("SEARCH")), "{plan:?}");
        for step in &plan {
            let is_whole_table = step.contains("SCAN") && !step.contains("CONSTANT ROW");
            assert!(!is_whole_table, "{statement}: {plan:?}");
            // Of those in one state there may be as many as there are.
            assert!(!step.contains("(state="), "{statement}: {plan:?}");
        }
    }
}

fn plan(database: &Database, statement: &str) -> Vec<String> {
    let explain = std::format!("EXPLAIN QUERY PLAN {statement}");
    database
        .read(|connection| {
            let mut explain = sql(connection.prepare(&explain))?;
            for at in 1..=explain.parameter_count() {
                sql(explain.raw_bind_parameter(at, [0_u8; 32]))?;
            }
            let mut rows = explain.raw_query();
            let mut steps = Vec::new();
            while let Some(row) = sql(rows.next())? {
                steps.push(sql(row.get("detail"))?);
            }
            Ok(steps)
        })
        .unwrap()
}
