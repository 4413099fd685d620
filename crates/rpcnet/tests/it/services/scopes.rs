//! Definitions in every scope and of every visibility that a trait may have.

use rpcnet::InProcess;

/// A definition without a single import.
mod absolute {
    #[rpcnet::service]
    pub(in crate::services) trait Absolute {
        async fn join(
            &self,
            first: ::std::string::String,
            context: ::rpcnet::CallContext,
            others: impl ::rpcnet::Stream<
                Item = ::core::result::Result<::std::string::String, ::rpcnet::RpcError>,
            >,
        ) -> ::core::result::Result<::std::string::String, ::std::string::String>;

        async fn letters(
            &self,
            text: ::std::string::String,
        ) -> ::core::result::Result<
            ::std::pin::Pin<
                ::std::boxed::Box<
                    dyn ::rpcnet::Stream<Item = ::core::result::Result<char, ::std::string::String>>
                        + ::core::marker::Send,
                >,
            >,
            ::std::string::String,
        >;
    }

    pub(super) struct Here;

    impl AbsoluteHandler for Here {
        async fn join(
            &self,
            first: ::std::string::String,
            context: ::rpcnet::CallContext,
            others: impl ::rpcnet::Stream<
                Item = ::core::result::Result<::std::string::String, ::rpcnet::RpcError>,
            > + ::core::marker::Send
            + ::core::marker::Unpin
            + 'static,
        ) -> ::core::result::Result<::std::string::String, ::std::string::String> {
            assert_eq!(context.method(), "Absolute.join");
            let others = ::futures::TryStreamExt::try_collect::<::std::string::String>(others);
            others
                .await
                .map(|others| first + &others)
                .map_err(|error| error.to_string())
        }

        async fn letters(
            &self,
            text: ::std::string::String,
        ) -> ::core::result::Result<
            ::std::pin::Pin<
                ::std::boxed::Box<
                    dyn ::rpcnet::Stream<Item = ::core::result::Result<char, ::std::string::String>>
                        + ::core::marker::Send,
                >,
            >,
            ::std::string::String,
        > {
            let letters: ::std::vec::Vec<char> = text.chars().collect();
            let letters = ::futures::stream::iter(letters);
            Ok(::std::boxed::Box::pin(::futures::StreamExt::map(
                letters, Ok,
            )))
        }
    }
}

#[tokio::test]
async fn a_definition_needs_no_imports() {
    use futures::{TryStreamExt, stream};
    let here = InProcess::new(absolute::AbsoluteServer::service(absolute::Here));
    let client = absolute::AbsoluteClient::new(here);
    let others = stream::iter(["b".to_owned(), "c".to_owned()]);
    assert_eq!(client.join("a".to_owned(), others).await.unwrap(), "abc");
    let letters = client.letters("ab".to_owned()).await.unwrap();
    assert_eq!(
        letters.try_collect::<Vec<char>>().await.unwrap(),
        ['a', 'b']
    );
}

#[tokio::test]
async fn a_definition_may_stand_in_the_body_of_a_function() {
    use rpcnet::Stream;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Local(u8);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Never;

    #[rpcnet::service]
    trait Inner {
        async fn add(&self, left: Local, right: Local) -> Result<Local, Never>;
        async fn count(&self, items: impl Stream<Item = Local>) -> Result<u8, Never>;
    }

    struct Here;

    impl InnerHandler for Here {
        async fn add(&self, left: Local, right: Local) -> Result<Local, Never> {
            Ok(Local(left.0 + right.0))
        }

        async fn count(
            &self,
            items: impl Stream<Item = Local> + Send + Unpin + 'static,
        ) -> Result<u8, Never> {
            match futures::StreamExt::count(items).await {
                0 => Err(Never),
                count => Ok(count as u8),
            }
        }
    }

    let client = InnerClient::new(InProcess::new(InnerServer::service(Here)));
    assert_eq!(client.add(Local(1), Local(2)).await.unwrap(), Local(3));
    let none = client.count(futures::stream::empty()).await;
    assert_eq!(none.unwrap_err().service(), Some(&Never));
}

/// Two in one scope, whose methods and messages would collide without their services' names.
#[rpcnet::service]
trait First {
    async fn put(&self, key: u8, value: u8) -> Result<u8, ()>;
}

#[rpcnet::service]
trait Second {
    async fn put(&self, key: u8, value: String) -> Result<String, ()>;
}

/// One handler for both.
struct Both;

impl FirstHandler for Both {
    async fn put(&self, key: u8, value: u8) -> Result<u8, ()> {
        Ok(key + value)
    }
}

impl SecondHandler for Both {
    async fn put(&self, key: u8, value: String) -> Result<String, ()> {
        Ok(value.repeat(key.into()))
    }
}

#[tokio::test]
async fn two_definitions_share_a_scope_and_a_handler_type() {
    let both = InProcess::new(FirstServer::service(Both)).with_service(SecondServer::service(Both));
    let first = FirstClient::new(both.clone()).put(1, 2).await;
    assert_eq!(first.unwrap(), 3);
    let second = SecondClient::new(both).put(2, "a".to_owned()).await;
    assert_eq!(second.unwrap(), "aa");
}

/// A definition in a macro of somebody else's.
macro_rules! define {
    ($name:ident, $method:ident, $message:ty) => {
        #[rpcnet::service(name = "defined")]
        trait $name {
            async fn $method(&self, message: $message, times: u8) -> Result<$message, ()>;
        }
    };
}

define!(Defined, repeat, String);

impl DefinedHandler for Both {
    async fn repeat(&self, message: String, times: u8) -> Result<String, ()> {
        Ok(message.repeat(times.into()))
    }
}

#[tokio::test]
async fn a_definition_may_come_from_a_macro() {
    let service = DefinedServer::service(Both);
    assert_eq!(service.methods().collect::<Vec<_>>(), ["defined.repeat"]);
    let client = DefinedClient::new(InProcess::new(service));
    assert_eq!(client.repeat("a".to_owned(), 3).await.unwrap(), "aaa");
}

/// A definition in a module of its own.
mod outer {
    pub(super) mod definition {
        #[rpcnet::service]
        pub(in super::super) trait Nested {
            async fn ping(&self) -> Result<(), super::Refusal>;
        }
    }

    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    pub(super) struct Refusal;
}

impl outer::definition::NestedHandler for Both {
    async fn ping(&self) -> Result<(), outer::Refusal> {
        Err(outer::Refusal)
    }
}

#[tokio::test]
async fn a_definition_is_as_visible_as_its_trait() {
    use outer::definition::{NestedClient, NestedServer};
    let client = NestedClient::new(InProcess::new(NestedServer::service(Both)));
    let error = client.ping().await.unwrap_err();
    assert!(matches!(error.into_service(), Ok(outer::Refusal)));
}
