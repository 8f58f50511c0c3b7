//! The checks that every client program does.

use futures::future::try_join_all;
use rmcp::{RoleClient, model::CallToolRequestParams, service::RunningService};
use serde_json::{Value, json};

use crate::{Failure, client::Handler};

const UNUSUAL_TEXT: &str = "naïve 漢字 🦀 \"quoted\" \\ \u{2028} tab\tline\nend";
const CHECKS: [&str; 7] = ["tools", "echo", "large", "parallel", "error", "progress", "sample"];

type Client = RunningService<RoleClient, Handler>;

/// Runs the checks, except those in `skip`. The error names the check that failed.
pub async fn exchange(client: &Client, handler: &Handler, skip: &[String]) -> Result<(), Failure> {
    for check in CHECKS {
        if !skip.iter().any(|skipped| skipped == check) {
            run(check, client, handler).await.map_err(|error| format!("{check}: {error}"))?;
        }
    }
    Ok(())
}

async fn run(check: &str, client: &Client, handler: &Handler) -> Result<(), Failure> {
    match check {
        "tools" => {
            let tools = client.list_all_tools().await?;
            let is_missing = |name: &&str| !tools.iter().any(|tool| tool.name == *name);
            same("missing tools", ["echo", "fail", "progress"].into_iter().filter(is_missing).collect(), Vec::<&str>::new())
        }
        "echo" => same("echo", echo(client, UNUSUAL_TEXT.into()).await?, UNUSUAL_TEXT.into()),
        "large" => same("length", echo(client, "x".repeat(200_000)).await?.len(), 200_000),
        "parallel" => {
            let texts: Vec<String> = (0..20).map(|index| format!("call {index}")).collect();
            let received = try_join_all(texts.iter().map(|text| echo(client, text.clone()))).await?;
            same("texts", received, texts)
        }
        "error" => same("is_error", call(client, "fail", json!({})).await?.1, true),
        "progress" => {
            let (text, _) = call(client, "progress", json!({ "steps": 3 })).await?;
            same("result", text, "done".into())?;
            let received = handler.progress.lock().unwrap().clone();
            same("progress", received.clone(), [1.0, 2.0, 3.0][..received.len().min(3)].to_vec())
        }
        _ => same("sampled", call(client, "sample", json!({})).await?.0, "sampled: blue".into()),
    }
}

async fn echo(client: &Client, message: String) -> Result<String, Failure> {
    Ok(call(client, "echo", json!({ "message": message })).await?.0)
}

async fn call(client: &Client, name: &'static str, arguments: Value) -> Result<(String, bool), Failure> {
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    let result = client.call_tool(CallToolRequestParams::new(name).with_arguments(arguments)).await?;
    let text = result.content.first().and_then(|content| content.as_text()).map(|content| content.text.clone());
    Ok((text.unwrap_or_default(), result.is_error.unwrap_or_default()))
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, actual: T, wanted: T) -> Result<(), Failure> {
    if actual == wanted {
        return Ok(());
    }
    let cut = |value: T| format!("{value:?}").chars().take(200).collect::<String>();
    Err(format!("{what}: {} instead of {}", cut(actual), cut(wanted)).into())
}
