use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Time;
use windlass_api::plane::Token;
use windlass_runtime::ManualClock;
use windlass_runtime::SeededIds;
use windlass_store::Store;
use windlass_store::Write;
use windlass_store::admission::AdmitAll;

use super::*;
use crate::StampFrom;
use crate::access::Authenticate;
use crate::access::Unauthenticated;

const START: i64 = 1_700_000_000_000;

struct Place {
    store: Store,
    clock: Arc<ManualClock>,
    tokens: Tokens,
    uses: Option<Uses>,
}

fn place() -> Place {
    let clock = Arc::new(ManualClock::new(Time::from_millis(START)));
    let stamp = StampFrom {
        clock: clock.clone(),
        ids: Arc::new(SeededIds::default()),
    };
    let store = Store::new(Box::new(AdmitAll), Box::new(stamp));
    let (tokens, uses) = Tokens::new(store.clone(), clock.clone(), "windlass");
    Place {
        store,
        clock,
        tokens,
        uses: Some(uses),
    }
}

fn of(user: &str) -> Issue {
    Issue {
        purpose: Purpose::User,
        user: user.to_owned(),
        groups: vec!["team-a".to_owned()],
        expires_at: None,
        audiences: Vec::new(),
    }
}

async fn issued(place: &Place, wish: Issue) -> (String, Token) {
    let issued = issue(&place.store, wish).await.unwrap();
    let token = Token::clone(issued.object.get::<Token>().unwrap());
    (issued.text.expose().to_owned(), token)
}

async fn change(place: &Place, token: &Token, change: impl FnOnce(&mut Token)) {
    let mut token = token.clone();
    change(&mut token);
    let write = Write::Update(Object::Token(Arc::new(token)));
    place.store.commit(vec![write]).await.unwrap();
}

#[tokio::test]
async fn a_token_proves_its_user_and_its_text_is_not_kept() {
    let place = place();
    let (text, token) = issued(&place, of("alice")).await;
    let user = place.tokens.verify(&text).unwrap();
    assert_eq!(user.name, "alice");
    assert_eq!(user.groups, ["team-a", "system:authenticated"]);
    assert!(text.starts_with(&format!("wlu_{}_", token.metadata.name)));
    let secret = text.rsplit('_').next().unwrap();
    assert!(!format!("{token:?} {}", Object::Token(Arc::new(token.clone())).to_json()).contains(secret));
}

#[tokio::test]
async fn accounts_and_runners_have_the_groups_of_their_kind() {
    let place = place();
    let account = Issue {
        purpose: Purpose::ServiceAccount,
        groups: Vec::new(),
        ..of("system:serviceaccount:here:build")
    };
    let (text, _) = issued(&place, account).await;
    assert!(text.starts_with("wls_"));
    assert_eq!(
        place.tokens.verify(&text).unwrap().groups,
        [
            "system:serviceaccounts",
            "system:serviceaccounts:here",
            "system:authenticated"
        ]
    );
    let runner = Issue {
        purpose: Purpose::Runner,
        groups: Vec::new(),
        ..of("windlass:runner:r1")
    };
    let (text, _) = issued(&place, runner).await;
    assert!(text.starts_with("wlr_"));
    assert_eq!(
        place.tokens.verify(&text).unwrap().groups,
        ["system:authenticated", RUNNERS]
    );
}

#[tokio::test]
async fn a_text_that_differs_in_any_place_proves_nothing() {
    let place = place();
    let (text, _) = issued(&place, of("alice")).await;
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
        let forged = String::from_utf8(bytes).unwrap();
        assert_eq!(place.tokens.verify(&forged), Err(Unauthenticated), "at {at}");
        assert_eq!(
            place.tokens.verify(&text[..at]),
            Err(Unauthenticated),
            "cut at {at}"
        );
    }
    for other in ["wlr_", "wls_", "wlx_", "", "Bearer "] {
        let forged = format!("{other}{}", &text[4..]);
        assert_eq!(place.tokens.verify(&forged), Err(Unauthenticated), "{other}");
    }
    for odd in [
        "",
        "_",
        "__",
        "wlu__",
        "\u{0}",
        "wlu_é_é",
        "a.b.c",
        &format!("{text}_"),
        &format!("{text}{text}"),
    ] {
        assert_eq!(place.tokens.verify(odd), Err(Unauthenticated), "{odd}");
    }
}

#[tokio::test]
async fn a_well_formed_token_with_the_id_of_another_proves_nothing() {
    let (place, elsewhere) = (place(), place());
    let (_, token) = issued(&place, of("alice")).await;
    let (foreign, other) = issued(&elsewhere, of("mallory")).await;
    assert!(parse(&foreign).is_some());
    assert_eq!(place.tokens.verify(&foreign), Err(Unauthenticated));
    let mut swapped = Token::clone(&other);
    swapped.spec.hash.clone_from(&token.spec.hash);
    swapped.metadata.resource_version.clear();
    place
        .store
        .commit(vec![Write::Create(Object::Token(Arc::new(swapped)))])
        .await
        .unwrap();
    assert_eq!(place.tokens.verify(&foreign), Err(Unauthenticated));
}

#[tokio::test]
async fn a_token_ends_by_time_by_revocation_by_audience_and_by_removal() {
    let place = place();
    let ends = Issue {
        expires_at: Some(Time::from_millis(START + 1_000)),
        ..of("alice")
    };
    let (text, _) = issued(&place, ends).await;
    assert!(place.tokens.verify(&text).is_ok());
    place.clock.advance_to(Time::from_millis(START + 1_000));
    assert_eq!(place.tokens.verify(&text), Err(Unauthenticated), "expired");

    let (text, token) = issued(&place, of("alice")).await;
    change(&place, &token, |token| token.spec.revoked = true).await;
    assert_eq!(place.tokens.verify(&text), Err(Unauthenticated), "revoked");

    let (text, token) = issued(&place, of("alice")).await;
    change(&place, &token, |token| {
        token.spec.audiences = vec!["other".to_owned()];
    })
    .await;
    assert_eq!(place.tokens.verify(&text), Err(Unauthenticated), "audience");

    let (text, token) = issued(&place, of("alice")).await;
    change(&place, &token, |token| token.spec.purpose = "runner".to_owned()).await;
    assert_eq!(place.tokens.verify(&text), Err(Unauthenticated), "purpose");

    let (text, token) = issued(&place, of("alice")).await;
    let key = Key::new(Kind::Token, "", token.metadata.name.as_str());
    let uid = String::new();
    place
        .store
        .commit(vec![Write::Delete { key, uid }])
        .await
        .unwrap();
    assert_eq!(place.tokens.verify(&text), Err(Unauthenticated), "removed");
}

#[tokio::test]
async fn what_a_header_holds_decides_between_somebody_nobody_and_refusal() {
    let place = place();
    let (text, _) = issued(&place, of("alice")).await;
    let rows = [
        (vec![], Ok("system:anonymous")),
        (vec![format!("Bearer {text}")], Ok("alice")),
        (vec![format!("bearer   {text}")], Ok("alice")),
        (vec![format!("Basic {text}")], Err(Unauthenticated)),
        (vec!["Bearer ".to_owned()], Err(Unauthenticated)),
        (vec![text.clone()], Err(Unauthenticated)),
        (
            vec![format!("Bearer {text}"), format!("Bearer {text}")],
            Err(Unauthenticated),
        ),
        (
            vec![format!("Bearer {}", "a".repeat(1 << 20))],
            Err(Unauthenticated),
        ),
    ];
    for (values, expected) in rows {
        let mut headers = HeaderMap::new();
        for value in &values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        let user = place
            .tokens
            .authenticate(&headers, None)
            .await
            .map(|user| user.name);
        assert_eq!(user.as_deref(), expected.as_ref().copied(), "{values:?}");
    }
}

#[tokio::test]
async fn a_use_is_noted_once_a_minute() {
    let mut place = place();
    let (text, token) = issued(&place, of("alice")).await;
    for _ in 0..3 {
        place.tokens.verify(&text).unwrap();
    }
    let uses = place.uses.take().unwrap();
    let (store, clock) = (place.store.clone(), place.clock.clone());
    let before = store.version();
    // The queue ends with its last sender.
    drop(place);
    uses.note().await;
    assert_eq!(store.version(), before + 1);
    let key = Key::new(Kind::Token, "", token.metadata.name.as_str());
    let noted = store.get(&key).unwrap();
    let noted = noted.get::<Token>().unwrap().status.last_used;
    assert_eq!(noted, Some(Time::from_millis(START)));
    let (tokens, uses) = Tokens::new(store.clone(), clock.clone(), "windlass");
    clock.advance_to(Time::from_millis(START + 59_999));
    tokens.verify(&text).unwrap();
    drop(tokens);
    uses.note().await;
    assert_eq!(store.version(), before + 1);
}
