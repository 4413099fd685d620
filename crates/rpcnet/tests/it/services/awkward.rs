//! Definitions with names and types that generated code could trip over.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use futures::{StreamExt, TryStreamExt, stream};
use rpcnet::{CallContext, InProcess, Stream};
use serde::{Deserialize, Serialize};

use self::reexported::Parcel;
use crate::pair::{Running, soon};

/// A type that is known by another path than its own.
mod reexported {
    pub(super) use self::inner::Parcel;

    mod inner {
        use serde::{Deserialize, Serialize};

        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub(crate) struct Parcel(pub(crate) u64, pub(crate) String);
    }
}

/// An error with the name that all errors have.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Error {
    No,
}

/// An error that looks like a result.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ResultError {
    is_ok: bool,
}

/// An error with a lifetime.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RefError<'a> {
    text: Cow<'a, str>,
}

/// A message of another message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Page<T> {
    items: Vec<T>,
    next: Option<u32>,
}

/// Named as the generated code's own parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct C(u8);
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Items(u8);
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Carrier(u8);
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct H(u8);

/// Names of arguments and methods.
#[rpcnet::service]
pub(crate) trait Awkward {
    async fn r#match(&self, r#type: String, r#fn: u8) -> Result<String, Error>;
    async fn r#loop(
        &self,
        r#in: u8,
        r#struct: impl Stream<Item = u8> + Send + Unpin + 'static,
    ) -> Result<impl Stream<Item = Result<u8, Error>> + Send + 'static, Error>;
    /// Arguments that generated code has variables for.
    async fn busy(
        &self,
        handler: u8,
        args: u8,
        out: u8,
        requests: impl Stream<Item = u8>,
        calls: u8,
        carrier: u8,
    ) -> Result<u8, Error>;
    async fn one(&self, args: u8) -> Result<u8, Error>;
    async fn two(&self, handler: u8, context: CallContext, args: u8) -> Result<u8, Error>;
    /// Methods that other traits have.
    #[rpc(name = "clone")]
    async fn copy(&self, number: u8) -> Result<u8, Error>;
    async fn fmt(&self) -> Result<u8, Error>;
    async fn into(&self) -> Result<u8, Error>;
    async fn borrow(&self) -> Result<u8, Error>;
    async fn poll_next(&self) -> Result<u8, Error>;
    async fn serve(&self) -> Result<u8, Error>;
    async fn service(&self) -> Result<u8, Error>;
    async fn unary(&self) -> Result<u8, Error>;
    async fn drop(&self) -> Result<u8, Error>;
    /// Names that differ only in what camel case leaves of them.
    async fn get_it(&self, a: u8, b: u8) -> Result<u8, Error>;
    async fn getit(&self, a: u8, b: u8) -> Result<u8, Error>;
    #[expect(non_snake_case, reason = "somebody will")]
    async fn shoutLoud(&self, first: u8, second: u8) -> Result<u8, Error>;
}

struct Plain;

impl AwkwardHandler for Plain {
    async fn r#match(&self, r#type: String, r#fn: u8) -> Result<String, Error> {
        Ok(r#type.repeat(r#fn.into()))
    }

    async fn r#loop(
        &self,
        r#in: u8,
        r#struct: impl Stream<Item = u8> + Send + Unpin + 'static,
    ) -> Result<impl Stream<Item = Result<u8, Error>> + Send, Error> {
        Ok(r#struct.map(move |item| {
            if item == r#in {
                Err(Error::No)
            } else {
                Ok(item)
            }
        }))
    }

    async fn busy(
        &self,
        handler: u8,
        args: u8,
        out: u8,
        requests: impl Stream<Item = u8> + Send + Unpin + 'static,
        calls: u8,
        carrier: u8,
    ) -> Result<u8, Error> {
        let sum = requests.fold(0, async |sum: u8, item| sum + item).await;
        assert_eq!([handler, args, out, calls, carrier], [1, 2, 3, 4, 5]);
        Ok(sum)
    }

    async fn one(&self, args: u8) -> Result<u8, Error> {
        Ok(args)
    }

    async fn two(&self, handler: u8, context: CallContext, args: u8) -> Result<u8, Error> {
        assert_eq!(context.method(), "Awkward.two");
        Ok(handler - args)
    }

    async fn copy(&self, number: u8) -> Result<u8, Error> {
        Ok(number)
    }

    async fn fmt(&self) -> Result<u8, Error> {
        Ok(1)
    }

    async fn into(&self) -> Result<u8, Error> {
        Ok(2)
    }

    async fn borrow(&self) -> Result<u8, Error> {
        Ok(3)
    }

    async fn poll_next(&self) -> Result<u8, Error> {
        Ok(4)
    }

    async fn serve(&self) -> Result<u8, Error> {
        Ok(5)
    }

    async fn service(&self) -> Result<u8, Error> {
        Ok(6)
    }

    async fn unary(&self) -> Result<u8, Error> {
        Ok(7)
    }

    async fn drop(&self) -> Result<u8, Error> {
        Ok(8)
    }

    async fn get_it(&self, a: u8, b: u8) -> Result<u8, Error> {
        Ok(a - b)
    }

    async fn getit(&self, a: u8, b: u8) -> Result<u8, Error> {
        Ok(b - a)
    }

    async fn shoutLoud(&self, first: u8, second: u8) -> Result<u8, Error> {
        Ok(first - second)
    }
}

#[tokio::test]
async fn names_of_every_sort_are_names() {
    let service = AwkwardServer::service(Plain);
    let names: Vec<&str> = service.methods().take(2).collect();
    assert_eq!(names, ["Awkward.match", "Awkward.loop"]);
    let running = Running::new(|server| async move { server.add_service(service) }).await;
    let awkward = AwkwardClient::new(running.client().await);
    assert_eq!(awkward.r#match("ab".into(), 2).await.unwrap(), "abab");
    let mut items = awkward.r#loop(7, stream::iter([6, 7])).await.unwrap();
    assert_eq!(items.next().await.unwrap().unwrap(), 6);
    let error = soon("the error", items.next()).await.unwrap().unwrap_err();
    assert_eq!(error.service(), Some(&Error::No));
    let busy = awkward.busy(1, 2, 3, stream::iter([30, 3]), 4, 5).await;
    assert_eq!(busy.unwrap(), 33);
    assert_eq!(awkward.one(3).await.unwrap(), 3);
    assert_eq!(awkward.two(9, 3).await.unwrap(), 6);
    assert_eq!(awkward.clone().copy(5).await.unwrap(), 5);
    assert_eq!(awkward.fmt().await.unwrap(), 1);
    assert_eq!(AwkwardClient::into(&awkward).await.unwrap(), 2);
    assert_eq!(awkward.borrow().await.unwrap(), 3);
    assert_eq!(awkward.poll_next().await.unwrap(), 4);
    assert_eq!(awkward.serve().await.unwrap(), 5);
    assert_eq!(awkward.service().await.unwrap(), 6);
    assert_eq!(awkward.unary().await.unwrap(), 7);
    assert_eq!(awkward.drop().await.unwrap(), 8);
    assert_eq!(awkward.get_it(3, 1).await.unwrap(), 2);
    assert_eq!(awkward.getit(1, 4).await.unwrap(), 3);
    assert_eq!(awkward.shoutLoud(8, 1).await.unwrap(), 7);
}

/// Types of arguments, replies, items and errors.
#[rpcnet::service(name = "")]
pub(crate) trait Typed {
    async fn page(&self, page: Page<Parcel>) -> Result<Page<Option<Parcel>>, RefError<'static>>;
    async fn refuse(&self, text: String) -> Result<(), RefError<'static>>;
    async fn pair(&self, pair: (u8, [u16; 3])) -> Result<Result<u8, u16>, ResultError>;
    async fn letters(&self, c: C, items: Items, carrier: Carrier, h: H) -> Result<u8, ()>;
    async fn letter(&self, c: C, items: impl Stream<Item = Items>) -> Result<Items, String>;
    async fn absent(&self, nothing: (), maybe: Option<Option<u8>>) -> Result<Option<u8>, u8>;
    async fn pages(
        &self,
        pages: impl Stream<Item = Page<HashMap<String, Vec<Parcel>>>>,
    ) -> Result<impl Stream<Item = BTreeMap<String, Parcel>>, Box<str>>;
    /// A reply that is a result of its own, item by item.
    async fn halves(
        &self,
        numbers: impl Stream<Item = Result<u8, rpcnet::RpcError>>,
    ) -> Result<impl Stream<Item = Result<u8, (u8, String)>>, (u8, String)>;
}

impl TypedHandler for Plain {
    async fn page(&self, page: Page<Parcel>) -> Result<Page<Option<Parcel>>, RefError<'static>> {
        Ok(Page {
            items: page.items.into_iter().map(Some).chain([None]).collect(),
            next: page.next,
        })
    }

    async fn refuse(&self, text: String) -> Result<(), RefError<'static>> {
        let text = match text.as_str() {
            "" => Cow::Borrowed("nothing"),
            _ => Cow::Owned(text),
        };
        Err(RefError { text })
    }

    async fn pair(&self, pair: (u8, [u16; 3])) -> Result<Result<u8, u16>, ResultError> {
        match pair {
            (0, _) => Err(ResultError { is_ok: false }),
            (1, numbers) => Ok(Err(numbers[2])),
            (other, _) => Ok(Ok(other)),
        }
    }

    async fn letters(&self, c: C, items: Items, carrier: Carrier, h: H) -> Result<u8, ()> {
        match c.0 {
            0 => Err(()),
            c => Ok(c + items.0 + carrier.0 + h.0),
        }
    }

    async fn letter(
        &self,
        c: C,
        mut items: impl Stream<Item = Items> + Send + Unpin + 'static,
    ) -> Result<Items, String> {
        let first = items.next().await.ok_or("none")?;
        Ok(Items(first.0 + c.0))
    }

    async fn absent(&self, (): (), maybe: Option<Option<u8>>) -> Result<Option<u8>, u8> {
        maybe.ok_or(3)
    }

    async fn pages(
        &self,
        pages: impl Stream<Item = Page<HashMap<String, Vec<Parcel>>>> + Send + Unpin + 'static,
    ) -> Result<impl Stream<Item = BTreeMap<String, Parcel>> + Send, Box<str>> {
        Ok(pages.flat_map(|page| {
            let maps = page.items.into_iter().map(|map| {
                let parcels = map
                    .into_iter()
                    .map(|(key, mut parcels)| (key, parcels.remove(0)));
                parcels.collect::<BTreeMap<_, _>>()
            });
            stream::iter(maps.collect::<Vec<_>>())
        }))
    }

    async fn halves(
        &self,
        numbers: impl Stream<Item = Result<u8, rpcnet::RpcError>> + Send + Unpin + 'static,
    ) -> Result<impl Stream<Item = Result<u8, (u8, String)>> + Send, (u8, String)> {
        let numbers = numbers.map_err(|error| (0, error.to_string()));
        Ok(numbers.and_then(async |number| match number % 2 {
            0 => Ok(number / 2),
            _ => Err((number, "is odd".to_owned())),
        }))
    }
}

#[tokio::test]
async fn types_of_every_sort_are_messages() {
    let service = TypedServer::service(Plain);
    assert!(service.methods().all(|name| !name.contains('.')));
    let running = Running::new(|server| async move { server.add_service(service) }).await;
    let typed = TypedClient::new(running.client().await);
    let parcel = Parcel(3, "books".into());
    let items = vec![parcel.clone()];
    let page = typed.page(Page { items, next: None }).await.unwrap();
    assert_eq!(page.items, [Some(parcel.clone()), None]);
    for (text, expected) in [("", "nothing"), ("something", "something")] {
        let refused = typed.refuse(text.into()).await.unwrap_err();
        let text = expected.into();
        assert_eq!(refused.service(), Some(&RefError { text }));
    }
    let numbers = [4, 5, 6];
    assert_eq!(typed.pair((2, numbers)).await.unwrap(), Ok(2));
    assert_eq!(typed.pair((1, numbers)).await.unwrap(), Err(6));
    let error = typed.pair((0, numbers)).await.unwrap_err();
    assert_eq!(error.service(), Some(&ResultError { is_ok: false }));
    let sum = typed.letters(C(1), Items(2), Carrier(3), H(4)).await;
    assert_eq!(sum.unwrap(), 10);
    let error = typed.letters(C(0), Items(2), Carrier(3), H(4)).await;
    assert_eq!(error.unwrap_err().service(), Some(&()));
    let letter = typed.letter(C(1), stream::iter([Items(4)])).await;
    assert_eq!(letter.unwrap(), Items(5));
    assert_eq!(typed.absent((), Some(Some(1))).await.unwrap(), Some(1));
    assert_eq!(typed.absent((), Some(None)).await.unwrap(), None);
    let error = typed.absent((), None).await.unwrap_err();
    assert_eq!(error.service(), Some(&3));
    let map = HashMap::from([("a".to_owned(), vec![parcel.clone()])]);
    let page = Page {
        items: vec![map],
        next: Some(1),
    };
    let maps = typed.pages(stream::iter([page])).await.unwrap();
    let maps: Vec<_> = maps.try_collect().await.unwrap();
    assert_eq!(maps, [BTreeMap::from([("a".to_owned(), parcel)])]);
    let mut halves = typed.halves(stream::iter([8, 3])).await.unwrap();
    assert_eq!(halves.next().await.unwrap().unwrap(), 4);
    let error = halves.next().await.unwrap().unwrap_err();
    assert_eq!(error.service(), Some(&(3, "is odd".to_owned())));
}

/// Types that hide those of the standard library.
mod hidden {
    use serde::{Deserialize, Serialize};

    macro_rules! messages {
        ($($name:ident)*) => {
            $(
                #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
                pub(super) struct $name(pub(super) u8);
            )*
        };
    }

    messages!(Option Vec String Box Send Sync Future Pin Duration SocketAddr Default Clone);
    messages!(RpcClient RpcConfig RpcError CallError CallOptions CodecId Method Methods Responses);

    type Reply<T> = ::core::result::Result<T, String>;

    #[rpcnet::service]
    pub(super) trait Hidden {
        async fn all(
            &self,
            option: Option,
            vec: Vec,
            text: String,
            boxed: Box,
            send: Send,
            sync: Sync,
            future: Future,
            pin: Pin,
        ) -> ::core::result::Result<Default, String>;
        async fn rest(
            &self,
            duration: Duration,
            address: SocketAddr,
            clone: Clone,
            client: RpcClient,
            config: RpcConfig,
        ) -> ::core::result::Result<CallError, RpcError>;
        async fn flow(
            &self,
            options: CallOptions,
            codecs: impl rpcnet::Stream<Item = CodecId>,
        ) -> ::core::result::Result<
            impl rpcnet::Stream<Item = ::core::result::Result<Method, Methods>>,
            Methods,
        >;
        async fn boxed(
            &self,
            codecs: ::core::pin::Pin<
                ::std::boxed::Box<dyn rpcnet::Stream<Item = CodecId> + ::core::marker::Send>,
            >,
        ) -> ::core::result::Result<Responses, String>;
    }

    pub(super) struct Plain;

    impl HiddenHandler for Plain {
        async fn all(
            &self,
            option: Option,
            vec: Vec,
            text: String,
            boxed: Box,
            send: Send,
            sync: Sync,
            future: Future,
            pin: Pin,
        ) -> Reply<Default> {
            let all = [
                option.0, vec.0, text.0, boxed.0, send.0, sync.0, future.0, pin.0,
            ];
            Ok(Default(all.iter().sum()))
        }

        async fn rest(
            &self,
            duration: Duration,
            address: SocketAddr,
            clone: Clone,
            client: RpcClient,
            config: RpcConfig,
        ) -> ::core::result::Result<CallError, RpcError> {
            let all = [duration.0, address.0, clone.0, client.0, config.0];
            match all.iter().sum() {
                0 => Err(RpcError(0)),
                sum => Ok(CallError(sum)),
            }
        }

        async fn flow(
            &self,
            options: CallOptions,
            codecs: impl rpcnet::Stream<Item = CodecId>
            + ::core::marker::Send
            + ::core::marker::Unpin
            + 'static,
        ) -> ::core::result::Result<
            impl rpcnet::Stream<Item = ::core::result::Result<Method, Methods>> + ::core::marker::Send,
            Methods,
        > {
            Ok(futures::StreamExt::map(codecs, move |codec| {
                if codec.0 == options.0 {
                    return Err(Methods(codec.0));
                }
                Ok(Method(codec.0))
            }))
        }

        async fn boxed(
            &self,
            codecs: ::core::pin::Pin<
                ::std::boxed::Box<dyn rpcnet::Stream<Item = CodecId> + ::core::marker::Send>,
            >,
        ) -> Reply<Responses> {
            let count = futures::StreamExt::count(codecs).await;
            Ok(Responses(count as u8))
        }
    }
}

#[tokio::test]
async fn types_that_hide_those_of_the_standard_library_are_messages() {
    use self::hidden::*;
    let hidden = HiddenClient::new(InProcess::new(HiddenServer::service(self::hidden::Plain)));
    let all = hidden.all(
        Option(1),
        Vec(1),
        String(1),
        Box(1),
        Send(1),
        Sync(1),
        Future(1),
        Pin(1),
    );
    assert_eq!(all.await.unwrap(), Default(8));
    let rest = |number| {
        hidden.rest(
            Duration(number),
            SocketAddr(0),
            Clone(0),
            RpcClient(0),
            RpcConfig(0),
        )
    };
    assert_eq!(rest(3).await.unwrap(), CallError(3));
    assert_eq!(rest(0).await.unwrap_err().service().unwrap(), &RpcError(0));
    let codecs = [CodecId(1), CodecId(2)];
    let flow = hidden
        .flow(CallOptions(2), stream::iter(codecs.clone()))
        .await;
    let mut flow = flow.unwrap();
    assert_eq!(flow.next().await.unwrap().unwrap(), Method(1));
    let error = flow.next().await.unwrap().unwrap_err();
    assert_eq!(error.service().unwrap(), &Methods(2));
    let counted = hidden.boxed(stream::iter(codecs)).await.unwrap();
    assert_eq!(counted, Responses(2));
}
